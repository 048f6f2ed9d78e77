"""Read folders of track tokens."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from prehep.core.manifest import load_payload
from prehep.core.mapped import map_rows
from prehep.stages.token_data import TokenReader
from prehep.tokens.ragged import RaggedArrays
from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import TrackVocabulary

VOCABULARY = "vocabulary.parquet"


def read_track_data(folder: Path) -> TrackData:
    """Read the tracks of one folder, memory-mapped.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
    """
    tokens = map_rows(load_payload(folder, "tokens.npy"))
    offsets, split = (np.load(load_payload(folder, f"{name}.npy"), mmap_mode="r") for name in ("offsets", "split"))
    return TrackData(RaggedArrays({"tokens": tokens}, offsets), split, read_vocabulary(folder))


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
