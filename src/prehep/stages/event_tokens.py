"""Read folders of event tokens."""

from pathlib import Path

import numpy as np

from prehep.core.manifest import load_payload
from prehep.tokens.event_data import EventData, EventEncoding

ENCODING = "encoding.json"
ARRAYS = ("features.npy", "types.npy", "kinematics.npy", "split.npy")


def read_event_data(folder: Path) -> EventData:
    """Read the events of one folder, memory-mapped.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
    """
    features, types, kinematics, split = (np.load(load_payload(folder, name), mmap_mode="r") for name in ARRAYS)
    return EventData(features, types, kinematics, split, read_encoding(folder))


def read_encoding(folder: Path) -> EventEncoding:
    """Read how the events of a folder, of tokens or of a model pretrained on events, were encoded."""
    return EventEncoding.model_validate_json(load_payload(folder, ENCODING).read_text(encoding="utf-8"))
