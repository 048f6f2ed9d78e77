"""The state of an unfinished training on disk: atomic, two generations, of one run only, no pickles.

A file is named `state-<step>-<digest of its bytes>.pt`, so that a truncated or damaged one is recognised before it
is unpacked, and it is renamed into place when it is complete.
"""

import hashlib
import io
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from prehep.core.files import atomic_file
from prehep.core.logging import logger

GENERATIONS = 2
NAME = re.compile(r"state-(\d{9})-([0-9a-f]{16})\.pt")


class StateStore:
    """The folder in `train_state/` that belongs to one run.

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
        data = buffer.getvalue()
        path = self.folder / f"state-{step:09d}-{hashlib.sha256(data).hexdigest()[:16]}.pt"
        with atomic_file(path) as partial:
            partial.write_bytes(data)
        for old in self._files()[GENERATIONS:]:
            old.unlink()
        return path

    def load(self) -> tuple[int, dict[str, Any]] | None:
        """Return the newest readable (step, content) of this run, or None where there is none.

        A damaged newest state is skipped with a warning; a folder of another run is emptied.
        """
        for path in self._files():
            state = _read(path)
            if state is None:
                logger.warning("%s is truncated, damaged or unsafe; falling back to the state before it.", path)
            elif state["identity"] != self.identity:
                logger.info("%s belongs to another run (settings, code or inputs changed); starting anew.", path)
                break
            else:
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


def _read(path: Path) -> dict[str, Any] | None:
    """Return what a state file holds, or None where its bytes do not match its name or it is no plain data."""
    data = path.read_bytes()
    match = NAME.fullmatch(path.name)
    if match is None or hashlib.sha256(data).hexdigest()[:16] != match[2]:
        return None
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return None
    return state
