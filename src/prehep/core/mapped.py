"""Arrays in files that are larger than memory."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def map_rows(path: Path) -> NDArray[Any]:
    """Return an .npy file as a read-only array whose rows are read from disk when they are used, in any order.

    The kernel is told not to read ahead: around each row it would read 128 kB, most of it for nothing where the file
    does not fit into memory.
    """
    mapped = np.load(path, mmap_mode="r")
    if hasattr(mmap, "MADV_RANDOM") and isinstance(mapped.base, mmap.mmap):
        mapped.base.madvise(mmap.MADV_RANDOM)
    return np.asarray(mapped)
