"""Every entry of config/datasets is valid, and those with a shipped sample agree with it."""

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from prehep.core.config.datasets import Dataset, FilesDataset
from prehep.core.config.remote_files import RemoteFile
from prehep.data.checksums import checksum_of, parse_checksum
from prehep.data.event_columns import BTAG_MEDIUM

FOLDER = Path(__file__).parents[2] / "config" / "datasets"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
ENTRIES = sorted(FOLDER.glob("*.yaml"))
ADAPTER: TypeAdapter[Dataset] = TypeAdapter(Dataset)


def read(path: Path) -> Dataset:
    return ADAPTER.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))


def files_datasets() -> list[FilesDataset]:
    return [entry for entry in map(read, ENTRIES) if isinstance(entry, FilesDataset)]


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.stem)
def test_entry_is_valid(path: Path) -> None:
    entry = read(path)
    assert entry.title
    if isinstance(entry, FilesDataset):
        names = [file.name for file in entry.files]
        assert len(set(names)) == len(names)
        assert all((file.checksum is None) or parse_checksum(file.checksum) for file in (*entry.files, *entry.indices))
        assert all(file.url.startswith(("https://", "root://")) for file in entry.files)
        assert (entry.reader == "trackml") == (entry.content == "tracks")
        assert (entry.btag_branch is None) == ("Jet" in entry.missing or entry.content == "tracks")
        assert entry.btag_branch is None or entry.btag_branch in BTAG_MEDIUM[entry.reader]


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_sizes_and_checksums_of_the_samples() -> None:
    files = [file for entry in files_datasets() for file in entry.files if file.sample]
    assert len(files) >= 10
    for file in files:
        path = SHARED / str(file.sample)
        assert path.stat().st_size == file.size
        assert checksum_of(path, "sha256") == parse_checksum(str(file.checksum))


def test_a_name_with_a_folder_is_refused() -> None:
    for name in ("../a.root", "a/b.root", "", ".hidden"):
        with pytest.raises(ValidationError):
            RemoteFile(url="https://example.org/a.root", name=name)
