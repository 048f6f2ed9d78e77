"""Files of a TrackML dataset wherever they lie: plain, gzipped, or inside tar and zip archives (read in place)."""

import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from prehep.core.errors import FormatError

EVENT_FILE = re.compile(r"^event(?P<event>\d+)-(?P<kind>hits|truth|particles)\.csv(\.gz)?$")
GEOMETRY_FILE = re.compile(r"^detectors\.csv(\.gz)?$")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2")
DAMAGE = (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Member:
    """One CSV file: a label for messages, its base name, and how to get its (decompressed) bytes."""

    label: str
    name: str
    open_bytes: Callable[[], bytes]

    def read(self) -> bytes:
        """Return the CSV text.

        Raises:
            FormatError: the file or the archive around it is damaged or cut short.
        """
        try:
            content = self.open_bytes()
            return gzip.decompress(content) if self.name.endswith(".gz") else content
        except DAMAGE as error:
            raise FormatError(f"{self.label} is damaged or cut short ({error}); fetch it again.") from error


@contextmanager
def open_members(paths: Sequence[Path]) -> Iterator[list[Member]]:
    """Yield every CSV file of a TrackML dataset among the given files and the archives among them.

    Archives stay open while the members are in use and are never unpacked to disk.

    Raises:
        FormatError: an archive cannot be opened.
    """
    with ExitStack() as stack:
        yield [member for path in paths for member in _members_of(path, stack)]


def _members_of(path: Path, stack: ExitStack) -> list[Member]:
    try:
        if path.name.endswith(TAR_SUFFIXES):
            return list(_tar_members(stack.enter_context(tarfile.open(path)), path.name, stack))
        if path.name.endswith(".zip"):
            return list(_zip_members(stack.enter_context(zipfile.ZipFile(path)), path.name))
    except DAMAGE as error:
        raise FormatError(f"{path.name} cannot be opened as an archive ({error}); fetch it again.") from error
    return [Member(path.name, path.name, path.read_bytes)] if _is_wanted(path.name) else []


def _tar_members(archive: tarfile.TarFile, label: str, stack: ExitStack) -> Iterator[Member]:
    for entry in archive:
        name = Path(entry.name).name
        if not entry.isfile() or not (_is_wanted(name) or name.endswith(".zip")):
            continue
        where = f"{label}:{entry.name}"
        if name.endswith(".zip"):
            inner = stack.enter_context(zipfile.ZipFile(_stream_of(archive, entry)))
            yield from _zip_members(inner, where)
        else:
            yield Member(where, name, lambda entry=entry: _stream_of(archive, entry).read())  # type: ignore[misc]


def _zip_members(archive: zipfile.ZipFile, label: str) -> Iterator[Member]:
    for inner in archive.namelist():
        name = Path(inner).name
        if _is_wanted(name):
            yield Member(f"{label}:{inner}", name, lambda inner=inner: archive.read(inner))  # type: ignore[misc]


def _stream_of(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(entry)
    if stream is None:
        raise EOFError(entry.name)
    return stream


def _is_wanted(name: str) -> bool:
    return bool(EVENT_FILE.match(name) or GEOMETRY_FILE.match(name))
