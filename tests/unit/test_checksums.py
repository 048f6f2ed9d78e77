"""Checksums: known values of the three algorithms, normalised spelling, refused spellings."""

import hashlib
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prehep.core.errors import FetchError
from prehep.data.checksums import Checksum, checksum_of, parse_checksum


def test_known_values(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"Wikipedia")
    assert str(checksum_of(path, "adler32")) == "adler32:11e60398"
    path.write_bytes(b"abc")
    assert checksum_of(path, "md5").value == "900150983cd24fb0d6963f7d28e17f72"
    assert checksum_of(path, "sha256").value == hashlib.sha256(b"abc").hexdigest()


def test_unpadded_adler32_of_the_portal_is_padded() -> None:
    assert parse_checksum("adler32:ff1d083") == Checksum("adler32", "0ff1d083")
    assert parse_checksum(" Adler32:FF1D083 ") == parse_checksum("adler32:0ff1d083")


@pytest.mark.parametrize("text", ["ff1d083", "crc32:00000000", "md5:12", "adler32:xyz", "adler32:123456789", "sha256:"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(FetchError, match="checksum"):
        parse_checksum(text)


@given(st.binary(max_size=3_000_000 // 100))
def test_chunked_adler32_equals_that_of_the_whole(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("adler") / "file"
    path.write_bytes(content)
    assert int(checksum_of(path, "adler32").value, 16) == zlib.adler32(content)


def test_adler32_over_several_chunks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    content = bytes(range(256)) * 10_000
    path.write_bytes(content)
    assert int(checksum_of(path, "adler32").value, 16) == zlib.adler32(content)
