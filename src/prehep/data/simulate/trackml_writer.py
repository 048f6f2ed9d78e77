"""Events and detector in the CSV files of TrackML, with equal bytes for equal content."""

import gzip
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from prehep.data.simulate.tracker_hits import NOISE, Hits
from prehep.data.simulate.tracker_modules import Modules
from prehep.data.simulate.tracker_particles import Particles

SIGNIFICANT_DIGITS = 6
TINY = 1e-30
COMPRESSION_LEVEL = 3
WEIGHTED_HITS_MIN = 4
WEIGHT_PT, WEIGHT_RANGE = (0.5, 3.0), (0.2, 1.0)


def write_event(folder: Path, event: int, hits: Hits, particles: Particles, modules: Modules) -> list[Path]:
    """Write the hits, truth and particles of one event and return the three paths.

    Args:
        folder: where to write `event000000001-hits.csv.gz` and so on.
        event: number of the event.
        hits: hits in the order of the modules.
        particles: particles, to whose rows the hits refer.
        modules: modules, to whose rows the hits refer.
    """
    tables = {
        "hits": hit_table(hits, modules),
        "truth": truth_table(hits, particles),
        "particles": particle_table(hits, particles),
    }
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"event{event:09d}-{name}.csv.gz")
        _write_csv(paths[-1], table)
    return paths


def write_detectors(folder: Path, modules: Modules) -> Path:
    """Write `detectors.csv.gz` with one row per module and return its path."""
    path = folder / "detectors.csv.gz"
    _write_csv(path, detector_table(modules))
    return path


def hit_table(hits: Hits, modules: Modules) -> pa.Table:
    """Return what a detector would record: positions (mm) and modules."""
    return pa.table(
        {
            "hit_id": np.arange(1, len(hits) + 1),
            **_axes(("x", "y", "z"), hits.position),
            "volume_id": modules.volume[hits.module],
            "layer_id": modules.layer[hits.module],
            "module_id": modules.number[hits.module],
        }
    )


def truth_table(hits: Hits, particles: Particles) -> pa.Table:
    """Return the particle (0 for noise), true position (mm), momentum (GeV) and weight of each hit."""
    identity = np.append(particles.identity(), np.uint64(0))
    return pa.table(
        {
            "hit_id": np.arange(1, len(hits) + 1),
            "particle_id": identity[hits.particle],
            **_axes(("tx", "ty", "tz"), hits.true_position),
            **_axes(("tpx", "tpy", "tpz"), hits.true_momentum),
            "weight": _rounded(hit_weights(hits, particles)),
        }
    )


def particle_table(hits: Hits, particles: Particles) -> pa.Table:
    """Return the production point (mm), momentum (GeV), charge and number of hits of each particle."""
    return pa.table(
        {
            "particle_id": particles.identity(),
            **_axes(("vx", "vy", "vz"), particles.position),
            **_axes(("px", "py", "pz"), particles.momentum),
            "q": particles.charge.round().astype(np.int64),
            "nhits": hits.per_particle(len(particles)),
        }
    )


def detector_table(modules: Modules) -> pa.Table:
    """Return the placement, half sizes and pitches of the modules (mm), in the columns of TrackML."""
    pitch = modules.pitch()
    rotation = {
        f"rot_{axis}{direction}": _rounded(modules.rotation[:, row, column])
        for row, axis in enumerate("xyz")
        for column, direction in enumerate("uvw")
    }
    return pa.table(
        {
            "volume_id": modules.volume,
            "layer_id": modules.layer,
            "module_id": modules.number,
            **_axes(("cx", "cy", "cz"), modules.centre),
            **rotation,
            "module_t": modules.half_thickness,
            "module_minhu": modules.half_width_low,
            "module_maxhu": modules.half_width_high,
            "module_hv": modules.half_length,
            "pitch_u": pitch[:, 0],
            "pitch_v": pitch[:, 1],
        }
    )


def hit_weights(hits: Hits, particles: Particles) -> NDArray[np.float64]:
    """Return weights that sum to 1: linear in pt from 0.2 at 0.5 GeV to 1 at 3 GeV, as in the TrackML score.

    Noise and particles with fewer than four hits have weight 0. The score's further factor, which favours the
    first and last hits of a track, is left out.
    """
    weight = np.interp(particles.pt(), WEIGHT_PT, WEIGHT_RANGE)
    weight[hits.per_particle(len(particles)) < WEIGHTED_HITS_MIN] = 0
    per_hit = np.where(hits.particle == NOISE, 0.0, np.append(weight, 0.0)[hits.particle])
    total = per_hit.sum()
    return per_hit / total if total > 0 else per_hit


def _axes(names: tuple[str, str, str], vectors: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    return {name: _rounded(vectors[:, axis]) for axis, name in enumerate(names)}


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return values with the six digits of TrackML's files, which halves the size of ours."""
    safe = np.where(np.abs(values) < TINY, 1.0, np.abs(values))
    step = 10.0 ** (np.floor(np.log10(safe)) - SIGNIFICANT_DIGITS + 1)
    return (np.round(values / step) * step).astype(np.float32)


def _write_csv(path: Path, table: pa.Table) -> None:
    text = io.BytesIO()
    text.write((",".join(table.column_names) + "\n").encode())
    csv.write_csv(table, text, csv.WriteOptions(include_header=False))
    path.write_bytes(gzip.compress(text.getvalue(), COMPRESSION_LEVEL, mtime=0))
