"""Which events train, validate and test: decided by each event's identity alone."""

import numpy as np
from numpy.typing import NDArray

from prehep.data.identity import UInt64Array, mix

TRAIN, VALID, TEST = 0, 1, 2
SPLIT_SALT = np.uint64(0x70726568657031)


def assign_split(identity: UInt64Array, valid: float, test: float) -> NDArray[np.uint8]:
    """Return 0 (train), 1 (validation) or 2 (test) for each identity.

    Args:
        identity: numbers from `event_identity` or `entry_identity`, shape (events,).
        valid: fraction for validation.
        test: fraction for testing; changing `valid` moves no test event.
    """
    position = (mix(identity ^ SPLIT_SALT) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    split = np.full(position.shape, TRAIN, np.uint8)
    split[position < test + valid] = VALID
    split[position < test] = TEST
    return split
