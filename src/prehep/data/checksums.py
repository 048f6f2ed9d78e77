"""Checksums as published beside files: `adler32:…`, `md5:…`, `sha256:…`."""

import zlib
from dataclasses import dataclass
from pathlib import Path

from prehep.core.digests import CHUNK_BYTES, digest_file
from prehep.core.errors import FetchError

DIGITS = {"adler32": 8, "md5": 32, "sha256": 64}


@dataclass(frozen=True)
class Checksum:
    """An algorithm and its value in lower-case hexadecimal of full length."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        """Return the published form, e.g. `adler32:0ff1d083`."""
        return f"{self.algorithm}:{self.value}"


def parse_checksum(text: str) -> Checksum:
    """Return the checksum that a text such as `adler32:ff1d083` names.

    The CERN Open Data portal drops leading zeros of adler32 values; they are put back.

    Raises:
        FetchError: the algorithm is unknown or the value is not hexadecimal of that length.
    """
    algorithm, separator, value = text.strip().lower().partition(":")
    digits = DIGITS.get(algorithm)
    if not separator or digits is None:
        known = ", ".join(f"{name}:…" for name in DIGITS)
        raise FetchError(f"checksum {text!r} is in no known form; write it as one of {known}.")
    if algorithm == "adler32":
        value = value.zfill(digits)
    if len(value) != digits or set(value) - set("0123456789abcdef"):
        raise FetchError(f"checksum {text!r} is not {digits} hexadecimal digits; copy it again from its source.")
    return Checksum(algorithm, value)


def checksum_of(path: Path, algorithm: str) -> Checksum:
    """Return the checksum of a file's bytes, read in chunks."""
    if algorithm != "adler32":
        return Checksum(algorithm, digest_file(path, algorithm))
    value = 1
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            value = zlib.adler32(chunk, value)
    return Checksum(algorithm, f"{value:08x}")
