"""Bytes of a remote file from a given offset: `file:`, `http(s)://` and `root://`, one generator each.

HTTP goes through requests and XRootD through its own client: both tell apart what may be retried (a dropped connection,
5xx) from what may not (404), and take time limits, which fsspec's common layer hides.
"""

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from prehep.core.errors import FetchError

CHUNK_BYTES = 1 << 20
CONNECT_SECONDS = 15.0
Chunks = Generator[bytes, None, None]


class TransientError(Exception):
    """The transfer broke in a way that a second attempt may mend."""


class RestartError(Exception):
    """The server cannot continue at the offset; begin again at zero."""


@dataclass
class Source:
    """An address, and what the server said about the file."""

    url: str
    timeout_s: float = 60.0
    version: str | None = None


def open_source(source: Source, offset: int) -> Chunks:
    """Yield the bytes of a source from an offset on, in chunks of about 1 MiB.

    Raises:
        FetchError: the address is not supported, or the server says that there is no such file.
        TransientError: the connection failed, timed out or broke, or the server is busy (5xx, 429).
        RestartError: the server does not continue at the offset.
    """
    scheme = urlsplit(source.url).scheme
    transports: dict[str, Callable[[Source, int], Chunks]] = {
        "file": _file_chunks,
        "http": _http_chunks,
        "https": _http_chunks,
        "root": _root_chunks,
    }
    if scheme not in transports:
        raise FetchError(f"{source.url} has the unknown scheme {scheme!r}; use file:, http://, https:// or root://.")
    return transports[scheme](source, offset)


def _file_chunks(source: Source, offset: int) -> Chunks:
    path = Path(unquote(urlsplit(source.url).path))
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise FetchError(f"{source.url} cannot be read ({error.strerror or error}); check the path.") from error


def _http_chunks(source: Source, offset: int) -> Chunks:
    import requests

    headers = {"Accept-Encoding": "identity", "User-Agent": "prehep"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if source.version:
            headers["If-Range"] = source.version
    limits = (min(CONNECT_SECONDS, source.timeout_s), source.timeout_s)
    try:
        with requests.get(source.url, headers=headers, stream=True, timeout=limits) as answer:
            _check_status(source, answer.status_code, answer.reason)
            if offset and not answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                raise RestartError
            source.version = answer.headers.get("ETag")
            yield from answer.iter_content(CHUNK_BYTES)
    except requests.RequestException as error:
        raise TransientError(_reason(error)) from error


def _check_status(source: Source, status: int, reason: str) -> None:
    if status in (200, 206):
        return
    if status == 416:
        raise RestartError
    if status in (408, 429) or status >= 500:
        raise TransientError(f"the server answers {status} {reason}")
    raise FetchError(f"{source.url} answers {status} {reason}; check the address on the dataset's page.")


def _reason(error: Exception) -> str:
    """Return why a request failed in a few words, without the library's object addresses."""
    text = str(error)
    reasons = {
        "resolve": "no such host, or no internet",
        "timed out": "no answer in time",
        "refused": "the connection was refused",
        "unreachable": "the network is unreachable",
        "IncompleteRead": "the connection dropped",
        "reset": "the connection was reset",
        "CERTIFICATE": "the certificate of the server is not trusted",
    }
    known = (words for key, words in reasons.items() if key in text)
    return next(known, f"{type(error).__name__}")


def _root_chunks(source: Source, offset: int) -> Chunks:
    os.environ.setdefault("XRD_CONNECTIONWINDOW", str(int(CONNECT_SECONDS)))
    os.environ.setdefault("XRD_CONNECTIONRETRY", "2")
    try:
        import XRootD.client
    except ImportError as error:
        raise FetchError(
            f"{source.url} needs the XRootD client: pip install 'prehep[root]', or use the https:// address."
        ) from error
    seconds = max(1, int(source.timeout_s))
    client: Any = XRootD.client
    with client.File() as remote:
        _check_xrootd(source, remote.open(source.url, timeout=seconds)[0])
        while True:
            status, chunk = remote.read(offset, CHUNK_BYTES, timeout=seconds)
            _check_xrootd(source, status)
            if not chunk:
                return
            offset += len(chunk)
            yield chunk


def _check_xrootd(source: Source, status: object) -> None:
    if getattr(status, "ok", False):
        return
    message = str(getattr(status, "message", status)).strip()
    if "3011" in message or "3010" in message:
        raise FetchError(f"{source.url}: {message}; check the address on the dataset's page.")
    raise TransientError(message)
