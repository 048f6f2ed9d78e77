"""Finding damaged files of finished stages."""

import os
from pathlib import Path

import pytest

from prehep.core.integrity import VerifiedFiles, damages
from prehep.core.manifest import MANIFEST, publish
from prehep.core.specification import StageSpec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a finished stage with two files."""
    folder = tmp_path / "run"
    with publish(folder, StageSpec(output=folder), stage="test") as publication:
        publication.payload("a.bin").write_bytes(bytes(100))
        publication.payload("b.bin").write_bytes(bytes(50))
    return folder


def flip(path: Path, *, keep_time: bool = False) -> None:
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_sound_files_have_no_damage(folder: Path) -> None:
    assert damages(folder) == []
    assert damages(folder, deep=True) == []


def test_flipped_byte_is_found_by_its_time(folder: Path) -> None:
    flip(folder / "a.bin")
    (found,) = damages(folder)
    assert found.startswith(f"{folder / 'a.bin'} has sha256")
    assert damages(folder, times=False) == []


def test_flipped_byte_with_its_old_time_needs_a_deep_look(folder: Path) -> None:
    flip(folder / "a.bin", keep_time=True)
    assert damages(folder) == []
    assert len(damages(folder, deep=True)) == 1


def test_each_damaged_file_is_named(folder: Path) -> None:
    (folder / "a.bin").unlink()
    (folder / "b.bin").write_bytes(bytes(49))
    first, second = damages(folder, times=False)
    assert first == f"{folder / 'a.bin'} is missing"
    assert second == f"{folder / 'b.bin'} has 49 bytes but its manifest says 50"


@pytest.mark.parametrize("content", [None, "", "not json"])
def test_damaged_manifest_is_named(folder: Path, content: str | None) -> None:
    (folder / MANIFEST).unlink()
    if content is not None:
        (folder / MANIFEST).write_text(content)
    (found,) = damages(folder)
    assert found.startswith(str(folder / MANIFEST))


def test_touched_file_is_read_once_and_remembered(folder: Path, tmp_path: Path) -> None:
    (folder / "a.bin").touch()
    verified = VerifiedFiles(tmp_path / "verified.json")
    assert damages(folder, verified=verified) == []
    assert folder / "a.bin" in verified
    verified.save()
    again = VerifiedFiles(tmp_path / "verified.json")
    assert folder / "a.bin" in again
    flip(folder / "a.bin")
    assert folder / "a.bin" not in again
    assert len(damages(folder, verified=again)) == 1


def test_unreadable_memory_counts_as_empty(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "verified.json").write_text("{")
    assert folder / "a.bin" not in VerifiedFiles(tmp_path / "verified.json")
