"""A working folder with the workflow in it, and how to call Snakemake and prehep there."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prehep.core.fingerprint import RECORDERS, module_digests
from prehep.core.manifest import RUN_INFO
from prehep.workflow.planning import load_plan

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "rules", "workflow_scripts", "config", "profiles")
STORED = ("dvc.yaml", ".dvc", ".dvcignore", ".gitignore")
SMOKE = ("--configfile", "config/smoke.yaml")
Snakemake = Callable[..., subprocess.CompletedProcess[str]]


def copy_workflow(target: Path, parts: tuple[str, ...] = PARTS) -> Path:
    """Copy the files of the workflow, without results, and return the folder."""
    target.mkdir(parents=True, exist_ok=True)
    for part in parts:
        source, copy = ROOT / part, target / part
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp", "config.local"))
        else:
            shutil.copy(source, copy)
    return target


def snakemake_in(folder: Path, *arguments: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
    """Call Snakemake of this environment in a folder."""
    return _call(folder, "snakemake", "--cores", "2", "--resources", "gpu=1", *arguments, timeout=timeout)


def job_counts(output: str) -> dict[str, int]:
    """Return the job counts per rule of Snakemake's table."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}


def modules_outside_closures(folder: Path, configfile: str) -> dict[str, set[str]]:
    """Return which modules of the package each finished job loaded that its fingerprint does not know."""
    found = {}
    for job in load_plan([folder / configfile], folder):
        loaded = json.loads((folder / job.folder / RUN_INFO).read_text())["modules"]
        found[job.manifest] = set(loaded) - set(module_digests(*job.modules)) - RECORDERS
    assert found
    return {name: modules for name, modules in found.items() if modules}


@dataclass(frozen=True)
class Project:
    """A user's clone: the workflow and the package, which may be edited, with what runs in it.

    Attributes:
        folder: the clone; the package in its `src` is the one that runs.
    """

    folder: Path

    def copy(self, target: Path) -> "Project":
        """Return a copy with all results and times."""
        shutil.copytree(self.folder, target, symlinks=True)
        return Project(target)

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the smoke configuration."""
        return snakemake_in(self.folder, *SMOKE, *arguments)

    def planned(self, *arguments: str) -> set[str]:
        """Return what a dry run would do: `rule name` of every job."""
        result = self.snakemake("--dry-run", "--printshellcmds", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return {f"{rule} {name}" for rule, name in _scripts_called(result.stdout)}

    def prehep(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command `prehep` on the smoke configuration."""
        name, *rest = arguments
        return _call(self.folder, "prehep", name, *SMOKE, *rest)

    def status(self, *arguments: str) -> dict[str, str]:
        """Return the state of every result, by folder."""
        found: list[dict[str, Any]] = json.loads(self.prehep("status", "--json", *arguments).stdout)
        return {entry["run"]: entry["state"] for entry in found}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that a file holds."""
        text = (self.folder / path).read_text()
        assert old in text, f"{path} does not hold {old!r}"
        (self.folder / path).write_text(text.replace(old, new))

    def find(self, pattern: str) -> Path:
        """Return the one file or folder that matches a pattern."""
        (found,) = self.folder.glob(pattern)
        return found


def _scripts_called(output: str) -> list[tuple[str, str]]:
    """Return rule and name of the jobs that a dry run printed: from the log files that they would write."""
    return re.findall(r"--log logs/(\w+)/([\w.]+?)(?:-[0-9a-f]{8})?\.log", output)


def _call(folder: Path, module: str, *arguments: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
    paths = [str(folder / "src")] if (folder / "src").is_dir() else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
