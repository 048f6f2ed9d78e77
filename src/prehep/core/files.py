"""Files that are either complete or absent."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it on success, remove it on any error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # a name may be as long as the file system allows, so there is no room for all of it
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.", suffix=".partial")
    os.close(handle)
    partial = Path(name)
    partial.chmod(0o644)
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a new name last through a loss of power, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically."""
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder inside `target`, removed in every case, as is an empty `target`.

    Those of killed runs are removed first: one job at a time writes to a target.
    """
    target.mkdir(parents=True, exist_ok=True)
    for stale in target.glob(".partial-*"):
        shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=target, prefix=".partial-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not any(target.iterdir()):
            target.rmdir()
