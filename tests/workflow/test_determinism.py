"""Two clean runs leave the same bytes."""

from pathlib import Path

import pytest
from running import PARTS, Project, copy_workflow

from prehep.core.digests import digest_file
from prehep.core.manifest import MANIFEST, RUN_INFO


def digests(project: Project) -> dict[str, str]:
    """Return the digest of every file of the results, without what tells one run from another."""
    folders = [path.parent for path in project.folder.rglob(MANIFEST)]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(project.folder).as_posix(): digest_file(path) for path in files if path.name != RUN_INFO}


@pytest.mark.slow
def test_two_clean_runs_leave_the_same_bytes(smoke_run: Project, tmp_path: Path) -> None:
    other = Project(copy_workflow(tmp_path / "another" / "folder", (*PARTS, "src")))
    result = other.snakemake()
    assert result.returncode == 0, result.stdout + result.stderr
    first, second = digests(smoke_run), digests(other)
    assert {Path(name).suffix for name in first} >= {".csv", ".png", ".pdf", ".safetensors", ".root", ".json", ".html"}
    assert {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == set()
