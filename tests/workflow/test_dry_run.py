"""Dry runs: the DAG of every shipped configuration, and mistakes that stop before any job."""

from pathlib import Path

import pytest
from running import Snakemake, copy_workflow, job_counts, snakemake_in

COMMON = {"all": 1, "build_report": 1, "aggregate_study": 2}
FIGURES = (
    "label_efficiency",
    "object_distributions",
    "mdm_accuracy",
    "module_distance",
    "input_visibility",
    "training_curves",
)
PLOTS = {f"plot_{figure}": 1 for figure in FIGURES}
SWEEPS = {"finetune_sweep": 3, "train_baseline": 3}
SIMULATED = {
    "ingest_events": 3,
    "ingest_tracks": 2,
    "check_quality": 5,
    "tokenize_events": 3,
    "tokenize_tracks": 2,
    "pretrain_model": 4,
    "evaluate_model": 4,
}
COUNTS = {
    "config": {**SIMULATED, "simulate_events": 8, "simulate_tracks": 4},
    "smoke": {**SIMULATED, "simulate_events": 3, "simulate_tracks": 2},
    "sample": {
        "fetch_file": 10,
        "simulate_tracks": 4,
        "ingest_events": 6,
        "ingest_tracks": 3,
        "check_quality": 9,
        "tokenize_events": 2,
        "tokenize_tracks": 3,
        "pretrain_model": 4,
        "evaluate_model": 4,
        "plot_dimuon_mass": 1,
    },
    "paper": {
        "fetch_file": 7,
        "ingest_events": 3,
        "ingest_tracks": 1,
        "check_quality": 4,
        "tokenize_events": 3,
        "tokenize_tracks": 1,
        "pretrain_model": 4,
        "evaluate_model": 4,
    },
}


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_dag_of_every_shipped_configuration(snakemake: Snakemake, name: str) -> None:
    result = snakemake("--dry-run", "--quiet", "rules", "--configfile", f"config/{name}.yaml")
    assert result.returncode == 0, result.stderr
    assert job_counts(result.stdout) == {**COMMON, **PLOTS, **SWEEPS, **COUNTS[name]}


def test_misspelt_key_stops_before_any_job(snakemake: Snakemake) -> None:
    result = snakemake("--dry-run", "--config", "trackingbert={}")
    assert result.returncode == 1
    assert "unknown key trackingbert, did you mean tracking_bert?" in result.stdout + result.stderr
    assert "Job stats" not in result.stdout + result.stderr


def test_workflow_runs_from_a_folder_with_a_space(tmp_path: Path) -> None:
    folder = copy_workflow(tmp_path / "a folder")
    # the first job then fails for want of the file: its script was found
    arguments = ("--configfile", "config/sample.yaml", "--config", f"sample_dir={tmp_path}")
    result = snakemake_in(folder, *arguments, "--until", "fetch_file", "--quiet", "rules")
    assert result.returncode == 1
    assert "prehep: " in result.stderr
    assert "can't open file" not in result.stderr
