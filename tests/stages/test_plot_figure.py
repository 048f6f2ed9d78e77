"""The stage that draws: its three files, the same bytes twice, and what it says when a table is absent."""

from pathlib import Path

import pandas as pd
import pytest
from report_inputs import figure_spec, study_folders

from prehep.core.errors import ConfigError, CorruptPayloadError
from prehep.core.manifest import load_payload, read_manifest
from prehep.core.stamp import make_stamp, read_stamp
from prehep.stages.plot_figure import make_context, run


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return study_folders(tmp_path_factory.mktemp("studies"))


def test_writes_png_pdf_and_csv_and_the_same_bytes_twice(studies: dict[str, Path], tmp_path: Path):
    digests = []
    for name in ("first", "second"):
        manifest = run(figure_spec("label_efficiency", tmp_path / name, studies))
        digests.append({payload: facts.sha256 for payload, facts in manifest.payloads.items()})
    assert set(digests[0]) == {"label_efficiency.png", "label_efficiency.pdf", "label_efficiency.csv"}
    assert digests[0] == digests[1]
    points = pd.read_csv(load_payload(tmp_path / "first", "label_efficiency.csv"))
    assert set(points.loc[points["n_labels"] == 4096, "model"]) == {"paper: pretrained", "paper: scratch"}


def test_png_is_at_most_1200_pixels_wide(studies: dict[str, Path], tmp_path: Path):
    run(figure_spec("mdm_accuracy", tmp_path, studies))
    header = (tmp_path / "mdm_accuracy.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(header[16:20], "big") <= 1200


def test_training_curves_join_the_studies(studies: dict[str, Path], tmp_path: Path):
    run(figure_spec("training_curves", tmp_path, studies))
    points = pd.read_csv(tmp_path / "training_curves.csv")
    assert set(points["study"]) == {"event_pretraining", "tracking_bert"}


def test_a_study_without_the_table_is_named(studies: dict[str, Path], tmp_path: Path):
    chosen = {"tracking_bert": studies["tracking_bert"]}
    with pytest.raises(ConfigError, match="label_efficiency needs the tables label_summary, which tracking_bert lack"):
        run(figure_spec("label_efficiency", tmp_path, chosen))
    assert not tmp_path.exists() or not any(tmp_path.iterdir())


def test_a_changed_table_is_refused(tmp_path: Path):
    folders = study_folders(tmp_path)
    path = folders["event_pretraining"] / "label_summary.csv"
    path.write_text(path.read_text().replace("0.", "1.", 1))
    with pytest.raises(CorruptPayloadError, match=r"label_summary\.csv"):
        run(figure_spec("label_efficiency", tmp_path / "figure", folders))


@pytest.mark.parametrize(
    ("origin", "label"), [("prehep_simulation", "prehep simulation"), ("collisions", "CMS Open Data")]
)
def test_the_test_data_of_the_task_and_not_other_samples_decide_the_label(origin: str, label: str):
    samples = pd.DataFrame({"sample": ["a"], "origin": ["collisions"]})
    facts = pd.DataFrame({"name": ["task_origin"], "value": [origin]})
    assert make_context({"samples": samples, "facts": facts}).label == label


def test_without_a_task_the_label_claims_no_collisions():
    assert make_context({}).label == "prehep simulation"


def test_png_and_pdf_carry_the_digests_of_their_inputs(studies: dict[str, Path], tmp_path: Path):
    spec = figure_spec("label_efficiency", tmp_path, studies, code={"prehep": "0" * 16})
    run(spec)
    stamp = read_stamp(tmp_path / "label_efficiency.png")
    assert stamp == read_stamp(tmp_path / "label_efficiency.pdf")
    assert (stamp.figure, stamp.stage) == ("label_efficiency", "plot_label_efficiency")
    manifest = read_manifest(tmp_path)
    assert stamp.inputs == {folder: found.content for folder, found in manifest.inputs.items()}
    again = make_stamp(stamp.figure, manifest.stage, spec=manifest.spec, code=manifest.code, inputs=stamp.inputs)
    assert stamp == again
