"""A small detector and tracks through it, for the tests of tokens, models and evaluation of tracks."""

import numpy as np
import pandas as pd

from prehep.tokens.ragged import RaggedArrays
from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import FIRST_MODULE, TrackVocabulary, build_vocabulary

STAVES = 12
RINGS = 5
LAYERS = 8


def barrel_modules() -> pd.DataFrame:
    """Return eight cylindrical layers of 12 × 5 modules in volume 8, and one module in volume 13."""
    layer, stave, ring = (axis.ravel() for axis in np.mgrid[1 : LAYERS + 1, :STAVES, :RINGS])
    radius, azimuth = 30.0 * layer, 2 * np.pi * (stave + 0.5) / STAVES
    barrel = pd.DataFrame(
        {
            "volume": 8,
            "layer": 2 * layer,
            "module": stave * RINGS + ring + 1,
            "cx": radius * np.cos(azimuth),
            "cy": radius * np.sin(azimuth),
            "cz": 100.0 * (ring - RINGS // 2),
        }
    )
    outside = pd.DataFrame({"volume": [13], "layer": [2], "module": [1], "cx": [400.0], "cy": [0.0], "cz": [0.0]})
    return pd.concat([outside, barrel], ignore_index=True)


def barrel_vocabulary() -> TrackVocabulary:
    """Return the vocabulary of volume 8: 5 + 480 tokens."""
    return build_vocabulary(barrel_modules(), (8,))


def straight_tracks(tracks: int = 200, seed: int = 1, lengths: tuple[int, int] = (4, 8)) -> TrackData:
    """Return tracks that cross neighbouring layers at one stave and drift by at most one ring."""
    random = np.random.default_rng(seed)
    length = random.integers(lengths[0], lengths[1] + 1, tracks)
    stave, ring = random.integers(0, STAVES, tracks), random.integers(0, RINGS, tracks)
    tokens = [
        FIRST_MODULE + (np.arange(n) * STAVES + s) * RINGS + np.minimum(r + np.arange(n) // 4, RINGS - 1)
        for n, s, r in zip(length, stave, ring, strict=True)
    ]
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    split = random.choice(3, tracks, p=[0.6, 0.2, 0.2]).astype(np.uint8)
    hits = RaggedArrays({"tokens": np.concatenate(tokens).astype(np.int32)}, offsets)
    return TrackData(hits, split, barrel_vocabulary())


def flat_tokens(data: TrackData) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of all hits and the offsets of the tracks of one sample; both can be changed in place."""
    (part,) = data.hits.parts
    return part.arrays["tokens"], part.offsets
