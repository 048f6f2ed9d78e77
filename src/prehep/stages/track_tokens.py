"""Read folders of track tokens."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from prehep.core.manifest import load_payload
from prehep.stages.token_data import TokenReader
from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import TrackVocabulary

VOCABULARY = "vocabulary.parquet"
ARRAYS = ("tokens.npy", "offsets.npy", "split.npy")


def read_track_data(folder: Path) -> TrackData:
    """Read the tracks of one folder, memory-mapped.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
    """
    tokens, offsets, split = (np.load(load_payload(folder, name), mmap_mode="r") for name in ARRAYS)
    return TrackData(tokens, offsets, split, read_vocabulary(folder))


def read_vocabulary(folder: Path) -> TrackVocabulary:
    """Read the modules behind the tokens of a folder, of tokens or of a model pretrained on tracks."""
    return TrackVocabulary(pd.read_parquet(load_payload(folder, VOCABULARY)))


def join_track_data(folders: Sequence[Path]) -> TrackData:
    """Read the tracks of several folders as one.

    Raises:
        FormatError: the folders have different vocabularies.
        CorruptPayloadError: a file differs from its manifest.
    """
    return TrackData.join([read_track_data(folder) for folder in folders], [folder.as_posix() for folder in folders])


TRACKS = TokenReader(VOCABULARY, join_track_data)
