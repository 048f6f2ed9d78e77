"""Whether the files of a finished stage are still those that it wrote."""

import json
from pathlib import Path

from prehep.core.errors import CorruptPayloadError
from prehep.core.files import write_text
from prehep.core.manifest import MANIFEST, payload_damage, read_manifest


class VerifiedFiles:
    """Files whose bytes were found right, by path, size in bytes and time of change in ns; kept between calls.

    Args:
        path: JSON file; one that is absent or cannot be read counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.known: dict[str, list[int]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.known = {}
        self.changed = False

    def __contains__(self, path: Path) -> bool:
        return self.known.get(path.as_posix()) == _signature(path)

    def add(self, path: Path) -> None:
        """Remember a file as it is now."""
        self.known[path.as_posix()] = _signature(path)
        self.changed = True

    def save(self) -> None:
        """Write what was learnt since the file was read."""
        if self.changed:
            write_text(self.path, json.dumps(self.known))


def damages(
    folder: Path, *, deep: bool = False, times: bool = True, verified: VerifiedFiles | None = None
) -> list[str]:
    """Return what is wrong with each damaged file of a finished stage, as sentences without a full stop; [] if sound.

    Sizes are always compared, and the bytes of files that were changed after their manifest was written, unless they
    are known to be right.

    Args:
        folder: where the stage wrote.
        deep: compare the bytes of every file.
        times: look at times of change at all.
        verified: files known to be right; what is found right is added.
    """
    try:
        payloads = read_manifest(folder).payloads
    except CorruptPayloadError as error:
        return [str(error).partition(";")[0]]
    written = (folder / MANIFEST).stat().st_mtime_ns
    found = []
    for name, expected in payloads.items():
        path = folder / name
        hashed = deep or (times and _is_suspicious(path, written, verified))
        damage = payload_damage(path, expected, hashed=hashed)
        if damage:
            found.append(f"{path} {damage}")
        elif hashed and verified is not None:
            verified.add(path)
    return found


def _is_suspicious(path: Path, written: int, verified: VerifiedFiles | None) -> bool:
    """Tell whether a file was changed after its manifest was written and not looked at since."""
    if not path.is_file() or path.stat().st_mtime_ns <= written:
        return False
    return verified is None or path not in verified


def _signature(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]
