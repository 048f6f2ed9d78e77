"""The whole chain on the smoke configuration, end to end."""

from pathlib import Path

import pandas as pd
import pytest
from running import SMOKE, Project, modules_outside_closures, snakemake_in

MODELS = {"pretrained", "scratch_published", "scratch_tuned", "trees_flat", "trees_engineered"}


@pytest.fixture(scope="module")
def folder(smoke_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the smoke configuration ran."""
    return smoke_run.copy(tmp_path_factory.mktemp("smoke") / "project").folder


def test_second_call_has_nothing_to_do(folder: Path) -> None:
    result = snakemake_in(folder, *SMOKE)
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr


def test_what_does_not_define_a_result_plans_no_job(folder: Path) -> None:
    volatile = ("device=cpu", "log_level=DEBUG", "sample_dir=/elsewhere")
    result = snakemake_in(folder, *SMOKE, "--dry-run", "--config", *volatile)
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr


def test_lost_table_is_written_again(folder: Path) -> None:
    (folder / "results" / "smoke" / "tables" / "mdm_accuracy.csv").unlink()
    result = snakemake_in(folder, *SMOKE, "--quiet", "rules")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (folder / "results" / "smoke" / "tables" / "mdm_accuracy.csv").is_file()


def test_tables_have_the_promised_columns(folder: Path) -> None:
    tables = folder / "results" / "smoke" / "tables"
    labels = pd.read_csv(tables / "label_efficiency.csv")
    assert list(labels.columns) == ["study", "model", "n_labels", "seed", "auc"]
    assert set(labels["model"]) == MODELS
    assert labels["auc"].between(0, 1).all()
    assert len(labels) == len(MODELS) * 2 * 2
    modules = pd.read_csv(tables / "mdm_accuracy.csv")
    expected = ["sample", "model", "input", "position", "n", "exact_accuracy", "within_20mm"]
    assert list(modules.columns) == expected
    assert {"ngram", "bert_token", "bert_geometry", "bert_geometry_mixed"} == set(modules["model"])


def test_figures_and_report_are_there(folder: Path) -> None:
    results = folder / "results" / "smoke"
    for figure in ("label_efficiency", "mdm_accuracy", "training_curves"):
        for suffix in ("png", "pdf", "csv"):
            assert (results / "figures" / figure / f"{figure}.{suffix}").stat().st_size > 0
    report = (results / "report.html").read_text()
    assert "prehep simulation" in report
    assert 'src="http' not in report


def test_no_training_state_or_partial_file_is_left(folder: Path) -> None:
    assert not list(folder.rglob("*.partial"))
    assert not list(folder.rglob(".partial-*"))
    assert not [path for path in (folder / "train_state").rglob("*") if path.is_file()]


def test_every_module_that_a_job_loads_is_in_its_closure(folder: Path) -> None:
    assert modules_outside_closures(folder, SMOKE[-1]) == {}
