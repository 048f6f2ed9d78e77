"""A working folder with the workflow in it, and how to call Snakemake there."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "rules", "workflow_scripts", "config", "profiles")
Snakemake = Callable[..., subprocess.CompletedProcess[str]]


def copy_workflow(target: Path) -> Path:
    """Copy the files of the workflow, without results, and return the folder."""
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, target / part)
    return target


def snakemake_in(folder: Path, *arguments: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
    """Call Snakemake of this environment in a folder."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--resources", "gpu=1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False)


def job_counts(output: str) -> dict[str, int]:
    """Return the job counts per rule of Snakemake's table."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}
