"""Stage tokenize_tracks: ingested hits to sequences of module tokens.

Hits are read some events at a time; only the tracks are kept in memory.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from prehep.core.config.track_tokens import TrackTokenSettings
from prehep.core.errors import FormatError
from prehep.core.logging import logger, progress
from prehep.core.manifest import Manifest, Publication, load_payload, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.data.identity import entry_identity
from prehep.data.splits import assign_split
from prehep.tokens.track_sequences import TrackSequences, build_tracks, join_tracks
from prehep.tokens.track_vocabulary import build_vocabulary

HIT_COLUMNS = ["event", "hit_id", "x", "y", "z", "volume", "layer", "module", "particle_id"]
PARTICLE_COLUMNS = ["event", "particle_id", "px", "py"]


class Spec(StageSpec):
    """What is tokenised and how."""

    name: str = Field(description="name of the tokens")
    data: Path = Field(description="folder of ingest_tracks")
    settings: TrackTokenSettings
    quality: Path = Field(description="folder of check_quality: only checked data are tokenised")


def run(spec: Spec) -> Manifest:
    """Make the tracks of one dataset and write their arrays and `vocabulary.parquet`.

    The split is decided for whole events, so that no event has tracks in two splits; with few events the fractions
    are coarse, and a split may be empty.

    Raises:
        FormatError: hits and detector file do not belong together, or there is no track.
    """
    inputs = [spec.data, spec.quality]
    with publish(spec.output, spec, stage="tokenize_tracks", code=spec.code, inputs=inputs) as publication:
        vocabulary = build_vocabulary(
            pd.read_parquet(load_payload(spec.data, "modules.parquet")), spec.settings.volumes
        )
        hits, particles = (load_payload(spec.data, f"{name}.parquet") for name in ("hits", "particles"))
        parts, identities = [], []
        with progress(f"tokenising {spec.name}", pq.read_metadata(hits).num_rows) as shown:
            for chunk in event_chunks(hits):
                tracks = build_tracks(chunk, _particles_of(particles, chunk), vocabulary, spec.settings)
                parts.append(tracks)
                identities.append(track_identities(chunk, tracks.event))
                shown.advance(len(chunk))
        joined = join_tracks(parts)
        if not len(joined.pt):
            raise FormatError(
                f"{hits} has no track with {spec.settings.hits_min} to {spec.settings.hits_max} hits in volumes "
                f"{list(spec.settings.volumes)}; change tokens.hits_min, hits_max or volumes."
            )
        _write(publication, joined, np.concatenate(identities), spec)
        vocabulary.table.to_parquet(publication.payload("vocabulary.parquet"), index=False)
    return read_manifest(spec.output)


def event_chunks(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the hits of some whole events at a time; events are contiguous in the file."""
    file = pq.ParquetFile(path)
    rest = pd.DataFrame()
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group, columns=HIT_COLUMNS).to_pandas()
        chunk = pd.concat([rest, rows], ignore_index=True) if len(rest) else rows
        # the last event may go on in the next row group
        last = chunk["event"] == chunk["event"].iloc[-1]
        rest = chunk[last]
        if not last.all():
            yield chunk[~last]
    if len(rest):
        yield rest


def track_identities(hits: pd.DataFrame, event: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the identity of the event of each track.

    TrackML files have no run or luminosity block: the identity of an event is a hash of its number and of all its
    hits, so it depends neither on the name of the dataset nor on the other files in it.

    Args:
        hits: all hits of some events: columns event, x, y, z.
        event: (tracks,) number of the event of each track.
    """
    numbers, identities = [], []
    for number, rows in hits.groupby("event", sort=True):
        content = rows[["x", "y", "z"]].to_numpy("<f4").tobytes()
        numbers.append(number)
        identities.append(entry_identity(hashlib.sha256(content).hexdigest(), np.array([number]))[0])
    return np.array(identities, np.uint64)[np.searchsorted(np.array(numbers), event)]


def _particles_of(path: Path, hits: pd.DataFrame) -> pd.DataFrame:
    first, last = int(hits["event"].min()), int(hits["event"].max())
    table = pq.read_table(path, columns=PARTICLE_COLUMNS, filters=[("event", ">=", first), ("event", "<=", last)])
    particles: pd.DataFrame = table.to_pandas()
    return particles


def _write(publication: Publication, tracks: TrackSequences, identity: NDArray[np.uint64], spec: Spec) -> None:
    split = assign_split(identity, spec.settings.split.valid, spec.settings.split.test)
    arrays: dict[str, NDArray[Any]] = {
        "tokens": tracks.tokens,
        "offsets": tracks.offsets,
        "positions": tracks.positions,
        "pt": tracks.pt,
        "event": tracks.event,
        "identity": identity,
        "split": split,
    }
    for name, values in arrays.items():
        np.save(publication.payload(f"{name}.npy"), values)
    counts = np.bincount(split, minlength=3)
    logger.info("%s: %d tracks, in training, validation and test %s", spec.name, len(split), counts.tolist())
