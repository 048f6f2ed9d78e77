"""The state of an unfinished training on disk: atomic, two generations, of one run only, no pickles.

A file is named `state-<generation>-<step>-<digest of its bytes>.pt`, so that a truncated or damaged one is recognised
before it is unpacked, and it is renamed into place when it is complete. Generations count up, steps need not: a
training may return to an earlier one.
"""

import hashlib
import io
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch

from prehep.core.files import atomic_file
from prehep.core.logging import logger

GENERATIONS = 2
NAME = re.compile(r"state-(\d{9})-(\d{9})-([0-9a-f]{16})\.pt")


class StateStore:
    """The folder in `train_state/` that belongs to one run; one process at a time writes to it.

    Args:
        folder: where the states are; made when the first is saved.
        identity: digest of everything that defines the run; states of another identity are removed.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.identity = identity

    def save(self, step: int, content: dict[str, Any]) -> Path:
        """Write the state after `step` steps and keep the one before it; return its path.

        Args:
            step: number of finished steps.
            content: tensors, numbers, strings, and lists and dictionaries of them.
        """
        buffer = io.BytesIO()
        torch.save({"identity": self.identity, "step": step, "content": content}, buffer)
        data = buffer.getbuffer()
        found = self._files()
        generation = _generation(found[0]) + 1 if found else 0
        path = self.folder / f"state-{generation:09d}-{step:09d}-{_digest(data)}.pt"
        with atomic_file(path) as partial:
            partial.write_bytes(data)
        for old in found[GENERATIONS - 1 :]:
            old.unlink()
        return path

    def load(self) -> tuple[int, dict[str, Any]] | None:
        """Return the newest readable (step, content) of this run, or None where there is none.

        A damaged newest state is removed with a warning; a folder of another run, or without a readable state, too.
        """
        for path in self._files():
            state = _read(path)
            if state is None:
                logger.warning("%s is truncated, damaged or unsafe; falling back to the state before it.", path)
                # else it would count as one of the generations that are kept
                path.unlink()
            elif state["identity"] != self.identity:
                logger.info("%s belongs to another run (settings, code or inputs changed); starting anew.", path)
                break
            else:
                self._remove_partial_files()
                return int(state["step"]), state["content"]
        self.wipe()
        return None

    def wipe(self) -> None:
        """Remove the folder and all states in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        """Return the states, newest first."""
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)

    def _remove_partial_files(self) -> None:
        """Remove what killed writers left."""
        for path in self.folder.glob(".state-*.partial"):
            path.unlink()


def _generation(path: Path) -> int:
    return int(path.name.split("-")[1])


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any] | None:
    """Return what a state file holds, or None where its bytes do not match its name or it is no plain data."""
    data = path.read_bytes()
    match = NAME.fullmatch(path.name)
    if match is None or _digest(data) != match[3] or not zipfile.is_zipfile(io.BytesIO(data)):
        return None
    try:
        # plain data alone are unpacked: no code of whoever wrote the file runs
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # forged bytes make the unpickler fail in any way
        return None
    return state if isinstance(state, dict) and {"identity", "step", "content"} <= state.keys() else None
