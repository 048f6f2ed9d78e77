"""Arrays that are read from disk row by row."""

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from prehep.core.mapped import map_rows


def test_holds_what_was_saved_and_cannot_be_written(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(tmp_path / "rows.npy", values)
    found = map_rows(tmp_path / "rows.npy")
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, values)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what the kernel was advised on Linux only")
def test_kernel_does_not_read_ahead(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.zeros(mmap.PAGESIZE))
    found = map_rows(tmp_path / "rows.npy")
    mapping = Path("/proc/self/smaps").read_text().partition((tmp_path / "rows.npy").as_posix())[2]
    flags = next(line for line in mapping.splitlines() if line.startswith("VmFlags"))
    assert "rr" in flags.split()
    assert len(found) == mmap.PAGESIZE
