"""From hits to tracks: which hits a particle left, in which order (paper B, 2402.10239)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from prehep.core.config.track_tokens import TrackTokenSettings
from prehep.tokens.track_vocabulary import TrackVocabulary

POSITION_COLUMNS = ["x", "y", "z"]


@dataclass(frozen=True)
class TrackSequences:
    """Tracks of any length as flat arrays: track i owns the hits `offsets[i]:offsets[i + 1]`.

    Attributes:
        tokens: (hits,) int32 module tokens, in the order of the distance from the origin.
        positions: (hits, 3) float32 measured x, y, z in mm.
        offsets: (tracks + 1,) int64.
        pt: (tracks,) float32 transverse momentum of the particle in GeV, NaN where it is not known.
        event: (tracks,) int64 number of the event.
    """

    tokens: NDArray[np.int32]
    positions: NDArray[np.float32]
    offsets: NDArray[np.int64]
    pt: NDArray[np.float32]
    event: NDArray[np.int64]


def build_tracks(
    hits: pd.DataFrame, particles: pd.DataFrame, vocabulary: TrackVocabulary, settings: TrackTokenSettings
) -> TrackSequences:
    """Return the tracks of some events.

    A track is all hits of one particle (not of noise, particle 0) in the configured volumes. Every hit counts, also
    two on one module, as in the paper; tracks with fewer than `hits_min` or more than `hits_max` hits are dropped.
    Hits are sorted by their distance from the origin, which equals the order in time for a 5.5 mm beam spot.

    Args:
        hits: columns event, hit_id, x, y, z (mm), volume, layer, module, particle_id.
        particles: columns event, particle_id, px, py (GeV).
        vocabulary: modules of the configured volumes.
        settings: volumes and number of hits of a track.
    """
    kept = hits[hits["volume"].isin(settings.volumes) & (hits["particle_id"] != 0)]
    position = kept[POSITION_COLUMNS].to_numpy(np.float64)
    event, particle = kept["event"].to_numpy(np.int64), kept["particle_id"].to_numpy(np.uint64)
    # hit_id decides between hits at equal distance, so that the order never depends on the order of the rows
    order = np.lexsort((kept["hit_id"].to_numpy(), np.linalg.norm(position, axis=1), particle, event))
    first, length = _runs(event[order], particle[order])
    good = (length >= settings.hits_min) & (length <= settings.hits_max)
    chosen = order[np.repeat(good, length)]
    owner = order[first[good]]
    return TrackSequences(
        tokens=vocabulary.encode(kept.iloc[chosen]),
        positions=position[chosen].astype(np.float32),
        offsets=np.concatenate([[0], np.cumsum(length[good])]).astype(np.int64),
        pt=_transverse_momentum(event[owner], particle[owner], particles),
        event=event[owner],
    )


def join_tracks(parts: list[TrackSequences]) -> TrackSequences:
    """Return the tracks of several groups of events, one after the other."""
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return TrackSequences(
        tokens=np.concatenate([part.tokens for part in parts]),
        positions=np.concatenate([part.positions for part in parts]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        pt=np.concatenate([part.pt for part in parts]),
        event=np.concatenate([part.event for part in parts]),
    )


def _runs(event: NDArray[np.int64], particle: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each run of equal (event, particle) begins in sorted arrays, and how long it is."""
    new = np.ones(len(event), bool)
    new[1:] = (event[1:] != event[:-1]) | (particle[1:] != particle[:-1])
    first = np.flatnonzero(new)
    return first, np.diff(np.append(first, len(event)))


def _transverse_momentum(
    event: NDArray[np.int64], particle: NDArray[np.uint64], particles: pd.DataFrame
) -> NDArray[np.float32]:
    keys = pd.DataFrame({"event": event, "particle_id": particle})
    known = particles[["event", "particle_id", "px", "py"]].drop_duplicates(["event", "particle_id"])
    known = known.astype({"particle_id": "uint64", "event": "int64"})
    joined = keys.merge(known, on=["event", "particle_id"], how="left", validate="many_to_one")
    momentum: NDArray[np.float64] = joined[["px", "py"]].to_numpy(np.float64)
    return np.hypot(momentum[:, 0], momentum[:, 1]).astype(np.float32)
