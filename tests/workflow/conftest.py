"""The fixture of the workflow tests."""

from pathlib import Path

import pytest
from running import Snakemake, copy_workflow, snakemake_in


@pytest.fixture
def snakemake(tmp_path: Path) -> Snakemake:
    """Return a function that calls Snakemake in a fresh copy of the workflow."""
    folder = copy_workflow(tmp_path / "workflow")
    return lambda *arguments, **options: snakemake_in(folder, *arguments, **options)
