"""Read folders of event tokens."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prehep.core.manifest import load_payload
from prehep.core.mapped import map_rows
from prehep.stages.event_tokens import ENCODING, read_encoding
from prehep.stages.token_data import TokenReader
from prehep.tokens.event_data import EventData
from prehep.tokens.ragged import RaggedArrays

OBJECT_ARRAYS = ("features", "types", "kinematics", "slot")


def read_event_data(folder: Path) -> EventData:
    """Read the events of one folder, memory-mapped.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
    """
    objects = {name: map_rows(load_payload(folder, f"{name}.npy")) for name in OBJECT_ARRAYS}
    offsets, split = (np.load(load_payload(folder, f"{name}.npy"), mmap_mode="r") for name in ("offsets", "split"))
    return EventData(RaggedArrays(objects, offsets), split, read_encoding(folder))


def join_event_data(folders: Sequence[Path]) -> EventData:
    """Read the events of several folders as one.

    Raises:
        FormatError: the folders are not encoded alike.
        CorruptPayloadError: a file differs from its manifest.
    """
    return EventData.join([read_event_data(folder) for folder in folders], [folder.as_posix() for folder in folders])


EVENTS = TokenReader(ENCODING, join_event_data)
