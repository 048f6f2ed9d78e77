"""Read folders of event tokens."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prehep.core.manifest import load_payload
from prehep.stages.event_tokens import ENCODING, read_encoding
from prehep.stages.token_data import TokenReader
from prehep.tokens.event_data import EventData

ARRAYS = ("features.npy", "types.npy", "kinematics.npy", "split.npy")


def read_event_data(folder: Path) -> EventData:
    """Read the events of one folder, memory-mapped.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
    """
    features, types, kinematics, split = (np.load(load_payload(folder, name), mmap_mode="r") for name in ARRAYS)
    return EventData(features, types, kinematics, split, read_encoding(folder))


def join_event_data(folders: Sequence[Path]) -> EventData:
    """Read the events of several folders as one.

    Raises:
        FormatError: the folders are not encoded alike.
        CorruptPayloadError: a file differs from its manifest.
    """
    return EventData.join([read_event_data(folder) for folder in folders], [folder.as_posix() for folder in folders])


EVENTS = TokenReader(ENCODING, join_event_data)
