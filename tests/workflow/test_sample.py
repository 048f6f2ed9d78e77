"""The whole chain on small real files: CMS collisions of 2012 and a TrackML event."""

from pathlib import Path

import pandas as pd
import pytest
from running import ROOT, copy_workflow, modules_outside_closures, snakemake_in

SHARED = ROOT.parent / "shared" / "data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here"),
]
pytest.importorskip("pythia8mc", reason="the event generators are not installed")
pytest.importorskip("acts", reason="the event generators are not installed")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of the sample configuration on local copies of its files."""
    folder = copy_workflow(tmp_path_factory.mktemp("sample"))
    arguments = ("--configfile", "config/sample.yaml", "--config", f"sample_dir={SHARED}")
    result = snakemake_in(folder, *arguments, timeout=3_000)
    assert result.returncode == 0, result.stdout + result.stderr
    again = snakemake_in(folder, *arguments)
    assert "Nothing to be done" in again.stdout + again.stderr
    return folder / "results" / "sample"


def peak(spectrum: pd.DataFrame, low: float, high: float) -> float:
    """Return the centre of the highest bin (per unit of log mass) between two masses in GeV."""
    inside = spectrum[(spectrum["low"] >= low) & (spectrum["high"] <= high)]
    best = inside.loc[inside["count"].idxmax()]
    return float((best["low"] * best["high"]) ** 0.5)


def test_resonances_of_real_collisions(results: Path) -> None:
    table = pd.read_csv(results / "tables" / "dimuon_mass.csv")
    collisions = table[table["sample"] == "cms_2012_double_muon"]
    assert peak(collisions, 2.5, 4.0) == pytest.approx(3.097, rel=0.03)
    assert peak(collisions, 70, 110) == pytest.approx(91.2, rel=0.03)


def test_label_efficiency_of_the_closure_test(results: Path) -> None:
    table = pd.read_csv(results / "tables" / "label_efficiency.csv")
    models = {"pretrained", "scratch_published", "scratch_tuned", "trees_flat", "trees_engineered"}
    assert set(table["model"]) == models
    mean = table.groupby(["model", "n_labels"])["auc"].mean().unstack()
    assert (mean[mean.columns.max()] > 0.6).all()


def test_models_of_simulated_tracks_meet_the_real_event(results: Path) -> None:
    table = pd.read_csv(results / "tables" / "mdm_accuracy.csv")
    event = table[(table["sample"] == "trackml_event") & (table["input"] == "masked") & (table["position"] == "first")]
    assert {"bert_token", "bert_geometry", "ngram"} <= set(event["model"])
    assert (event["n"] == 268).all()


def test_report_says_what_is_real(results: Path) -> None:
    report = (results / "report.html").read_text()
    assert "CMS Open Data" in report
    assert "prehep simulation" in report


def test_every_module_that_a_job_loads_is_in_its_closure(results: Path) -> None:
    assert modules_outside_closures(results.parents[1], "config/sample.yaml") == {}
