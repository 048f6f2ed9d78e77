"""Identity of an event as a 64-bit number.

Integer arithmetic only (the finaliser of splitmix64, Steele, Lea and Flood, OOPSLA 2014), so the result is equal on
every platform and does not depend on order, on other events or on the number of files.
"""

import numpy as np
from numpy.typing import NDArray

UInt64Array = NDArray[np.uint64]
GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)


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


def _as_uint64(values: NDArray[np.integer]) -> UInt64Array:
    return np.asarray(values).astype(np.int64 if np.asarray(values).dtype.kind == "i" else np.uint64).astype(np.uint64)
