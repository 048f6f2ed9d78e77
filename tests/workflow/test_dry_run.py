"""Dry runs: the DAG of every shipped configuration, and mistakes that stop before any job."""

import pytest
from conftest import ROOT, Snakemake, job_counts

SHARED = ROOT.parent / "shared" / "data"
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
COUNTS = {
    "config": {},
    "smoke": {},
    "sample": {},
    "paper": {},
}


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_dag_of_every_shipped_configuration(snakemake: Snakemake, name: str) -> None:
    result = snakemake("--dry-run", "--quiet", "rules", "--configfile", f"config/{name}.yaml")
    assert result.returncode == 0, result.stderr
    assert job_counts(result.stdout) == {**COMMON, **PLOTS, **SWEEPS, **COUNTS[name]}


def test_misspelt_key_stops_before_any_job(snakemake: Snakemake) -> None:
    result = snakemake("--dry-run", "--config", "trackingbert={}")
    assert result.returncode == 1
    assert "unknown key trackingbert, did you mean tracking_bert?" in result.stderr
    assert "Job stats" not in result.stdout + result.stderr


def test_device_and_log_level_change_no_job(snakemake: Snakemake) -> None:
    plain = snakemake("--dry-run", "--configfile", "config/smoke.yaml", "--printshellcmds")
    other = snakemake("--dry-run", "--configfile", "config/smoke.yaml", "--config", "device=cpu", "--printshellcmds")
    assert job_counts(plain.stdout) == job_counts(other.stdout)
