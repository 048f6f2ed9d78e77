"""The stage that draws: its three files, the same bytes twice, and what it says when a table is absent."""

from pathlib import Path

import pandas as pd
import pytest
from report_inputs import study_folders

from prehep.core.errors import ConfigError, CorruptPayloadError
from prehep.core.manifest import load_payload
from prehep.stages.plot_figure import Spec, make_context, run


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return study_folders(tmp_path_factory.mktemp("studies"))


def test_writes_png_pdf_and_csv_and_the_same_bytes_twice(studies: dict[str, Path], tmp_path: Path):
    digests = []
    for name in ("first", "second"):
        manifest = run(Spec(output=tmp_path / name, figure="label_efficiency", tables=studies))
        digests.append({payload: facts.sha256 for payload, facts in manifest.payloads.items()})
    assert set(digests[0]) == {"label_efficiency.png", "label_efficiency.pdf", "label_efficiency.csv"}
    assert digests[0] == digests[1]
    points = pd.read_csv(load_payload(tmp_path / "first", "label_efficiency.csv"))
    assert set(points.loc[points["n_labels"] == 4096, "model"]) == {"paper: pretrained", "paper: scratch"}


def test_png_is_at_most_1200_pixels_wide(studies: dict[str, Path], tmp_path: Path):
    run(Spec(output=tmp_path, figure="mdm_accuracy", tables=studies))
    header = (tmp_path / "mdm_accuracy.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(header[16:20], "big") <= 1200


def test_training_curves_join_the_studies(studies: dict[str, Path], tmp_path: Path):
    run(Spec(output=tmp_path, figure="training_curves", tables=studies))
    points = pd.read_csv(tmp_path / "training_curves.csv")
    assert set(points["study"]) == {"event_pretraining", "tracking_bert"}


def test_a_study_without_the_table_is_named(studies: dict[str, Path], tmp_path: Path):
    chosen = {"tracking_bert": studies["tracking_bert"]}
    with pytest.raises(ConfigError, match="label_efficiency needs the tables label_summary, which tracking_bert lack"):
        run(Spec(output=tmp_path, figure="label_efficiency", tables=chosen))
    assert not tmp_path.exists() or not any(tmp_path.iterdir())


def test_a_changed_table_is_refused(tmp_path: Path):
    folders = study_folders(tmp_path)
    path = folders["event_pretraining"] / "label_summary.csv"
    path.write_text(path.read_text().replace("0.", "1.", 1))
    with pytest.raises(CorruptPayloadError, match=r"label_summary\.csv"):
        run(Spec(output=tmp_path / "figure", figure="label_efficiency", tables=folders))


@pytest.mark.parametrize(
    ("origin", "label"), [("prehep_simulation", "prehep simulation"), ("collisions", "CMS Open Data")]
)
def test_the_test_data_of_the_task_and_not_other_samples_decide_the_label(origin: str, label: str):
    samples = pd.DataFrame({"sample": ["a"], "origin": ["collisions"]})
    facts = pd.DataFrame({"name": ["task_origin"], "value": [origin]})
    assert make_context({"samples": samples, "facts": facts}).label == label


def test_without_a_task_the_label_claims_no_collisions():
    assert make_context({}).label == "prehep simulation"
