"""Checksums that no source publishes: written down at the first download, enforced at every later one."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prehep.core.config.remote_files import RemoteFile
from prehep.core.digests import digest_file
from prehep.core.errors import FetchError
from prehep.core.files import write_text
from prehep.data.checksums import parse_checksum
from prehep.data.fetch import Expected


def recall(record: Path, file: RemoteFile) -> Expected | None:
    """Return what an earlier download of the same address had, or None at the first one.

    Raises:
        FetchError: the record cannot be read.
    """
    entry = _read(record).get(file.url)
    if entry is None:
        return None
    return Expected(int(entry["size"]), parse_checksum(str(entry["checksum"])), f"{record} (the first download)")


def remember(record: Path, file: RemoteFile, path: Path) -> None:
    """Write down size and sha256 of a first download; an entry that exists is kept."""
    entry: dict[str, int | str] = {
        "size": path.stat().st_size,
        "checksum": f"sha256:{digest_file(path)}",
    }
    with _locked(record):
        entries = _read(record)
        entries.setdefault(file.url, entry)
        write_text(record, json.dumps(entries, indent=2, sort_keys=True) + "\n")


def _read(record: Path) -> dict[str, dict[str, int | str]]:
    try:
        entries: dict[str, dict[str, int | str]] = json.loads(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise FetchError(
            f"{record} is not valid JSON ({error}); restore it from version control, or delete it to record again."
        ) from error
    return entries


@contextmanager
def _locked(record: Path) -> Iterator[None]:
    """Hold a lock beside the record, since several downloads may end at once."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.with_name(f".{record.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
