"""Events as objects in fixed slots, and the same without the empty slots.

Stored are only real objects, in the order of their slots. Trees, figures and fine-tuning read the slots, where an
object is known by its place.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prehep.tokens.event_features import PADDING


class FilledSlots(NamedTuple):
    """Which slots are filled: `real` (events, slots) bool, `slot` (objects,) int8 and `lengths` (events,) int64."""

    real: NDArray[np.bool_]
    slot: NDArray[np.int8]
    lengths: NDArray[np.int64]


def filled_slots(types: NDArray[np.int8]) -> FilledSlots:
    """Return which slots of events are filled; `values[real]` then has one row per object, as `dense` expects them.

    Args:
        types: (events, slots), 0 = padding.
    """
    real = types > PADDING
    return FilledSlots(real, np.nonzero(real)[1].astype(np.int8), real.sum(axis=1))


def dense(values: NDArray[Any], slot: NDArray[np.int8], lengths: NDArray[np.int64], slots: int) -> NDArray[Any]:
    """Put objects back into the slots of their events.

    Args:
        values: (objects, ...), event by event.
        slot: (objects,) slot of each object.
        lengths: (events,) objects of each event.
        slots: number of slots of an event.

    Returns:
        (events, slots, ...) of the same type, zeros in empty slots.
    """
    placed = np.zeros((len(lengths), slots, *values.shape[1:]), values.dtype)
    placed[np.repeat(np.arange(len(lengths)), lengths), slot] = values
    return placed
