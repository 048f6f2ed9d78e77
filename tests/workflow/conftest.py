"""The fixtures of the workflow tests."""

from pathlib import Path

import pytest
from filelock import FileLock
from running import PARTS, STORED, Project, Snakemake, copy_workflow, snakemake_in


@pytest.fixture
def snakemake(tmp_path: Path) -> Snakemake:
    """Return a function that calls Snakemake in a fresh copy of the workflow."""
    folder = copy_workflow(tmp_path / "workflow")
    return lambda *arguments, **options: snakemake_in(folder, *arguments, **options)


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    """Return a project in which the smoke configuration ran once for all test processes; do not change it."""
    pytest.importorskip("pythia8mc", reason="the event generators are not installed")
    pytest.importorskip("acts", reason="the event generators are not installed")
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    project = Project(shared / "smoke_run")
    with FileLock(shared / "smoke_run.lock"):
        if not project.folder.exists():
            copy_workflow(project.folder, (*PARTS, *STORED, "src"))
            result = project.snakemake()
            (project.folder / "output.txt").write_text(result.stdout + result.stderr)
        assert (project.folder / "results/smoke/manifest.json").is_file(), (project.folder / "output.txt").read_text()
    return project


@pytest.fixture
def project(smoke_run: Project, tmp_path: Path) -> Project:
    """Return a copy of the finished project that a test may change."""
    return smoke_run.copy(tmp_path / "project")
