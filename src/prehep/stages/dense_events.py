"""Read events with one place for each slot, as trees, figures and fine-tuning see them: whole, in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prehep.core.manifest import load_payload
from prehep.stages.event_tokens import read_encoding
from prehep.tokens.event_slots import dense


def read_dense(folder: Path, names: Sequence[str]) -> Iterator[NDArray[Any]]:
    """Yield arrays of all events of a folder, each (events, slots, ...), zeros in empty slots.

    Args:
        folder: output of tokenize_events.
        names: of `features`, `types` and `kinematics`.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
    """
    slot, offsets = (np.load(load_payload(folder, f"{name}.npy")) for name in ("slot", "offsets"))
    slots = len(read_encoding(folder).slots)
    for name in names:
        values = np.load(load_payload(folder, f"{name}.npy"), mmap_mode="r")
        yield dense(values, slot, np.diff(offsets), slots)
