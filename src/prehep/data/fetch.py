"""Download one file so that it is either complete and verified, or absent.

The bytes go to a temporary name beside the target; size and checksum are compared; only then is the file renamed.
"""

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prehep.core.config.remote_files import RemoteFile
from prehep.core.errors import FetchError
from prehep.core.files import atomic_file
from prehep.core.logging import Progress, logger, progress
from prehep.data.checksums import Checksum, checksum_of, parse_checksum
from prehep.data.transports import RestartError, Source, TransientError, open_source

MEBIBYTE = 1 << 20
ERROR_PAGE = (3846, Checksum("adler32", "a82d5324"))


@dataclass(frozen=True)
class Patience:
    """How long to try: attempts without new bytes, first pause between them (doubled each time), silence allowed."""

    attempts: int = 4
    pause_s: float = 1.0
    silence_s: float = 60.0


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it arrives, and where that was written down."""

    size: int | None
    checksum: Checksum | None
    source: str


def fetch(file: RemoteFile, target: Path, expected: Expected | None = None, patience: Patience = Patience()) -> None:
    """Download a file to `target`, verified; `target` is untouched on any error.

    Args:
        file: address, and size and checksum as published.
        target: where the file goes.
        expected: what to enforce in place of the published size and checksum (recorded at an earlier download).
        patience: limits on repeated attempts.

    Raises:
        FetchError: the file cannot be had, or is not the expected one.
    """
    known = expected or published(file)
    _check_space(file, target, known)
    with _full_disk_is_fetch_error(file, target), atomic_file(target) as partial:
        total = (known.size or 0) // MEBIBYTE
        with progress(f"{file.name} MiB", total) as bar:
            _download(Source(file.url, patience.silence_s), partial, bar, patience)
        verify(partial, file, known)


def published(file: RemoteFile) -> Expected:
    """Return the size and checksum that the configuration states."""
    checksum = parse_checksum(file.checksum) if file.checksum else None
    return Expected(file.size, checksum, "the configuration")


def local_copy(file: RemoteFile, sample_dir: Path) -> RemoteFile:
    """Return the same file with the address of its copy in a local folder.

    Raises:
        FetchError: the folder has no such file.
    """
    path = (sample_dir / (file.sample or file.name)).resolve()
    if not path.is_file():
        raise FetchError(
            f"{path} is missing, expected there because sample_dir is {sample_dir}; "
            f"put the file there, or leave sample_dir out to download it from {file.url}."
        )
    return file.model_copy(update={"url": path.as_uri()})


def verify(path: Path, file: RemoteFile, expected: Expected) -> None:
    """Compare a downloaded file with what was expected of it.

    Raises:
        FetchError: size or checksum differ, or an error page came in place of the file.
    """
    size = path.stat().st_size
    checksum = expected.checksum
    found = checksum_of(path, checksum.algorithm) if checksum else None
    if (expected.size in (None, size)) and found == checksum:
        if expected.size is None and checksum is None:
            _refuse_html(path, file)
        return
    if size == ERROR_PAGE[0] and checksum_of(path, "adler32") == ERROR_PAGE[1]:
        raise FetchError(
            f"{file.url} sent the error page of the CERN Open Data portal ({size} bytes) in place of {file.name}; "
            "check the address on the record's page, or try again later."
        )
    if expected.size not in (None, size):
        raise FetchError(
            f"{file.name} from {file.url} has {size} bytes, but {expected.source} says {expected.size}; "
            f"try again, and if it stays so compare with the dataset's page."
        )
    raise FetchError(
        f"{file.name} from {file.url} has {found}, but {expected.source} says {checksum}; "
        f"try again, and if it stays so the source has changed: compare with the dataset's page."
    )


def _refuse_html(path: Path, file: RemoteFile) -> None:
    with path.open("rb") as stream:
        start = stream.read(64).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) and path.suffix not in (".html", ".htm"):
        raise FetchError(
            f"{file.url} sent a web page in place of {file.name}; check that the address is the file itself "
            "and that no network login page is in between."
        )


def _download(source: Source, partial: Path, bar: Progress, patience: Patience) -> None:
    """Append to `partial` until the source ends; begin an attempt where the last one broke."""
    failures, pause = 0, patience.pause_s
    while True:
        offset = partial.stat().st_size
        try:
            _append(source, partial, offset, bar)
        except RestartError:
            partial.write_bytes(b"")
            reason = "the server cannot continue a broken transfer"
        except TransientError as error:
            reason = str(error)
        else:
            return
        if partial.stat().st_size >= offset + MEBIBYTE:
            failures, pause = 0, patience.pause_s
        failures += 1
        if failures >= patience.attempts:
            raise FetchError(
                f"{source.url} could not be downloaded after {failures} attempts: {reason}; "
                "check the network and run again, or give a local copy with sample_dir."
            )
        logger.warning("%s: %s; trying again in %.1f s", source.url, reason, pause)
        time.sleep(pause)
        pause *= 2


def _append(source: Source, partial: Path, offset: int, bar: Progress) -> None:
    done = offset // MEBIBYTE
    with partial.open("r+b") as stream:
        stream.seek(offset)
        for chunk in open_source(source, offset):
            stream.write(chunk)
            now = stream.tell() // MEBIBYTE
            if now > done:
                bar.advance(now - done)
                done = now


def _check_space(file: RemoteFile, target: Path, expected: Expected) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target.parent).free
    if expected.size is not None and expected.size > free:
        raise FetchError(
            f"{file.name} needs {expected.size / MEBIBYTE:.0f} MiB in {target.parent}, where {free / MEBIBYTE:.0f} MiB "
            "are free; free some space or move the project to a larger disk."
        )


@contextmanager
def _full_disk_is_fetch_error(file: RemoteFile, target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise FetchError(
            f"{file.name} does not fit into {target.parent}: {error.strerror}; free some space and run again."
        ) from error
