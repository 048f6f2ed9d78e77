"""Trainings that Slurm starts: srun in and outside of batch jobs."""

import re
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from running import ROOT
from slurm_cluster import Cluster, missing_programs, slurm_cluster
from trainable import TrainableProject

SCRIPT = ROOT / "tests" / "unit" / "shared_training.py"
ABSENT = missing_programs()
pytestmark = pytest.mark.skipif(ABSENT is not None, reason=f"no Slurm: {ABSENT}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with slurm_cluster(tmp_path_factory.mktemp("slurm") / "cluster") as running:
        yield running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Path:
    """Return the results of a job of one process, which needs no srun."""
    folder = tmp_path_factory.mktemp("alone")
    script = batch_script(folder, f"{sys.executable} {SCRIPT} {folder}")
    # a job may have more tasks than the one that its script is
    assert cluster.wait(cluster.submit(script, "--ntasks=2")) == "COMPLETED", log(folder)
    return folder


def batch_script(folder: Path, command: str) -> Path:
    script = folder / "job.sh"
    script.write_text(f"#!/bin/sh\n#SBATCH --output={folder}/job.log\n{command}\n")
    return script


def log(folder: Path) -> str:
    path = folder / "job.log"
    return path.read_text() if path.is_file() else "no log"


def results(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: torch.load(path, weights_only=True) for path in folder.glob("*.pt")}


def assert_equal_to_rounding(found: Path, expected: Path, processes: int) -> None:
    """Compare final weights: after one step to 1e-6, after many to 1e-4."""
    shared, whole = results(found), results(expected)
    assert shared.keys() == whole.keys()
    assert whole
    for name, case in whole.items():
        assert (case["processes"], shared[name]["processes"]) == (1, processes)
        tolerance = 1e-6 if name.startswith("gradient") else 1e-4
        for key, weights in case["weights"].items():
            assert torch.allclose(shared[name]["weights"][key], weights, rtol=0, atol=tolerance), (name, key)


@pytest.mark.slow
def test_srun_starts_processes_that_share(cluster: Cluster, alone: Path, tmp_path: Path) -> None:
    result = cluster.call("srun", "--ntasks=2", sys.executable, str(SCRIPT), str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert_equal_to_rounding(tmp_path, alone, processes=2)


@pytest.mark.slow
def test_steps_of_a_job_run_side_by_side(cluster: Cluster, alone: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    steps = "\n".join(f"srun --overlap --ntasks=2 {sys.executable} {SCRIPT} {folder} || exit 1 &" for folder in folders)
    script = batch_script(tmp_path, f"{steps}\nwait")
    assert cluster.wait(cluster.submit(script, "--ntasks=2", "--ntasks-per-node=2")) == "COMPLETED", log(tmp_path)
    for folder in folders:
        assert_equal_to_rounding(folder, alone, processes=2)


def wait_for(project: TrainableProject, pattern: str, seconds: float = 180) -> re.Match[str]:
    """Wait until Snakemake or the training says something."""
    deadline = time.monotonic() + seconds
    while (found := re.search(pattern, project.output)) is None:
        assert time.monotonic() < deadline, project.output
        time.sleep(0.2)
    return found


@pytest.mark.slow
def test_profile_submits_and_resubmits_what_was_stopped(cluster: Cluster, tmp_path: Path) -> None:
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="the extra slurm is not installed")
    settings = {"steps": 800, "batch_size": 64, "validation_interval": 300}
    project = TrainableProject(tmp_path / "project", settings)
    options = ("--workflow-profile", "profiles/slurm", "--slurm-no-account", "--slurm-status-command", "squeue")
    waits = ("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "2")
    with project.running(*options, *waits, **cluster.environment) as snakemake:
        job = wait_for(project, r"SLURM jobid '?(\d+)")[1]
        project.wait_for_first_step()
        cluster.call("scancel", "--signal=TERM", job)
        assert snakemake.wait(timeout=600) == 0, project.output
    assert "Trying to restart job" in project.output
    assert project.run_info["resumed_from"] > 0

    whole = TrainableProject(tmp_path / "whole", settings)
    whole.train("--cores", "2")
    assert project.weights == whole.weights


@pytest.mark.slow
def test_end_of_its_time_saves_and_the_next_job_continues(cluster: Cluster, tmp_path: Path) -> None:
    project = TrainableProject(tmp_path / "project", {"steps": 1_000_000, "validation_interval": 1_000_000}, devices=2)
    call = shlex.join(project.command("--cores", "2", "--rerun-incomplete"))
    script = batch_script(project.folder, f"cd {project.folder} && PYTHONPATH={project.folder}/src {call}")
    job = cluster.submit(script, "--ntasks=2", "--time=1")
    assert cluster.wait(job) == "TIMEOUT", log(project.folder)
    step = wait_for(project, r"stopped by SIGTERM at step (\d+) of 1000000")[1]
    assert "srun --overlap" in log(project.folder)

    job = cluster.submit(script, "--ntasks=2", "--time=5")
    wait_for(project, f"continuing from step {step} of 1000000")
    cluster.call("scancel", job)
    cluster.wait(job)
