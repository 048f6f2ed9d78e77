"""Tokens that are larger than the memory that a training is given, for the test of its memory.

The arrays are sparse files where zeros will do.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from token_folders import NoSpec, write_vocabulary

from prehep.core.manifest import Publication, publish

SLOTS, COLUMNS = 40, ("pt", "eta", "sin_phi", "cos_phi", "charge")
HITS, MODULES = 100, 20


def write_large_events(folder: Path, events: int) -> Path:
    """Write events of 40 leptons whose features and kinematics are 0."""
    objects = events * SLOTS
    with publish(folder, NoSpec(name=folder.name), stage="tokenize_events") as publication:
        _write_sparse(publication.payload("features.npy"), "<f4", objects, len(COLUMNS))
        _write_sparse(publication.payload("kinematics.npy"), "<f4", objects, 5)
        _write(publication, types=np.ones(objects, np.int8), slot=np.tile(np.arange(SLOTS, dtype=np.int8), events))
        _write(publication, offsets=SLOTS * np.arange(events + 1), split=_split(events))
        encoding = {
            "slots": ["lepton"] * SLOTS,
            "features": COLUMNS,
            "columns": COLUMNS,
            "scaling": {"mean": [0.0] * len(COLUMNS), "std": [1.0] * len(COLUMNS)},
        }
        publication.payload("encoding.json").write_text(json.dumps(encoding))
    return folder


def write_large_tracks(folder: Path, tracks: int) -> Path:
    """Write tracks of 100 hits."""
    with publish(folder, NoSpec(name=folder.name), stage="tokenize_tracks") as publication:
        tokens = np.tile(np.arange(5, 5 + MODULES, dtype=np.int32), tracks * HITS // MODULES)
        _write(publication, tokens=tokens, offsets=HITS * np.arange(tracks + 1), split=_split(tracks))
        write_vocabulary(publication, MODULES)
    return folder


def _split(entries: int) -> NDArray[np.uint8]:
    """Return one validation entry in a hundred, all others for training."""
    return (np.arange(entries) % 100 == 0).astype(np.uint8)


def _write(publication: Publication, **arrays: NDArray[Any]) -> None:
    for name, values in arrays.items():
        np.save(publication.payload(f"{name}.npy"), values)


def _write_sparse(path: Path, kind: str, *shape: int) -> None:
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
        stream.truncate(stream.tell() + np.dtype(kind).itemsize * int(np.prod(shape)))
