"""The default run, end to end: what `make reproduce` promises."""

from pathlib import Path

import pandas as pd
import pytest
from running import copy_workflow, snakemake_in

pytestmark = pytest.mark.slow
pytest.importorskip("pythia8mc", reason="the event generators are not installed")
pytest.importorskip("acts", reason="the event generators are not installed")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tables of the default configuration."""
    folder = copy_workflow(tmp_path_factory.mktemp("default"))
    result = snakemake_in(folder, timeout=3_600)
    assert result.returncode == 0, result.stdout + result.stderr
    again = snakemake_in(folder)
    assert "Nothing to be done" in again.stdout + again.stderr
    return folder / "results" / "default" / "tables"


def test_geometry_embedding_beats_the_ngram(tables: Path) -> None:
    table = pd.read_csv(tables / "mdm_accuracy.csv")
    chosen = table[(table["input"] == "masked") & (table["position"] == "all")]
    accuracy = chosen.pivot_table(index="sample", columns="model", values="exact_accuracy")
    assert (accuracy["bert_geometry"] > accuracy["ngram"]).all()
    assert (accuracy["bert_geometry"] > accuracy["bert_token"]).all()


def test_mixed_masking_leaks_and_pure_masking_does_not(tables: Path) -> None:
    table = pd.read_csv(tables / "mdm_accuracy.csv")
    chosen = table[(table["input"] == "visible") & (table["position"] == "all")]
    accuracy = chosen.pivot_table(index="sample", columns="model", values="exact_accuracy")
    assert (accuracy["bert_geometry_mixed"] > 0.9).all()
    assert (accuracy["bert_geometry"] < 0.5).all()


def test_more_labels_help_every_tuned_model(tables: Path) -> None:
    table = pd.read_csv(tables / "label_efficiency.csv")
    mean = table.groupby(["model", "n_labels"])["auc"].mean().unstack()
    tuned = mean.drop(index="scratch_published")
    assert (tuned[tuned.columns.max()] > tuned[tuned.columns.min()]).all()
