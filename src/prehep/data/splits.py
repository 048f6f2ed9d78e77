"""Identity of an event as a 64-bit number, and the split that this number decides.

Integer arithmetic only (the finaliser of splitmix64, Steele, Lea and Flood, OOPSLA 2014), so the result is equal on
every platform and does not depend on order, on other events or on the number of files.
"""

import numpy as np
from numpy.typing import NDArray

TRAIN, VALID, TEST = 0, 1, 2
UInt64Array = NDArray[np.uint64]
GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)
SPLIT_SALT = np.uint64(0x70726568657031)


def mix(values: UInt64Array) -> UInt64Array:
    """Return the splitmix64 output for each value: a bijection whose bits look independent."""
    with np.errstate(over="ignore"):
        state = np.asarray(values, np.uint64) + GOLDEN_GAMMA
        state = (state ^ (state >> np.uint64(30))) * MULTIPLIER_1
        state = (state ^ (state >> np.uint64(27))) * MULTIPLIER_2
    return np.asarray(state ^ (state >> np.uint64(31)), np.uint64)


def event_identity(run: NDArray[np.integer], lumi: NDArray[np.integer], event: NDArray[np.integer]) -> UInt64Array:
    """Return one number per event from its run, luminosity block and event number, each of shape (events,)."""
    identity = mix(_as_uint64(run))
    identity = mix(identity ^ _as_uint64(lumi))
    return mix(identity ^ _as_uint64(event))


def entry_identity(file_sha256: str, entry: NDArray[np.integer]) -> UInt64Array:
    """Return one number per entry of a file that has no event numbers, from the file's digest and the entry number."""
    file = np.array([int(file_sha256[:16], 16)], np.uint64)
    return mix(mix(file) ^ _as_uint64(entry))


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


def _as_uint64(values: NDArray[np.integer]) -> UInt64Array:
    return np.asarray(values).astype(np.int64 if np.asarray(values).dtype.kind == "i" else np.uint64).astype(np.uint64)
