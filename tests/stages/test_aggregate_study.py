"""The tables of a study: exact columns, copies for the user, the facts that figures read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_inputs
from report_inputs import folder_of
from token_folders import write_event_tokens, write_track_tokens

from prehep.core.manifest import load_payload, publish
from prehep.stages.aggregate_study import Spec, run
from prehep.workflow.parts import STUDY_TABLES

HISTORY = pd.DataFrame({"step": [10, 20], "learning_rate": 0.1, "train_loss": [2.0, 1.0], "valid_loss": [2.1, 1.2]})


def event_spec(root: Path) -> Spec:
    efficiency = report_inputs.synthetic.efficiency()
    scores = []
    for model, rows in efficiency.groupby("model"):
        table = rows.drop(columns="study").assign(valid_auc=0.5, learning_rate=0.1, steps=10)
        files: dict[str, pd.DataFrame | dict[str, int]] = {"scores.csv": table}
        if str(model).startswith("trees"):
            files["test_set.json"] = {"signal": 700, "background": 800}
        scores.append(folder_of(root / f"scores-{model}", files))
    summary = {"processes": {"ttbar": {"events": 10, "accepted_cross_section_pb": 5.0}}}
    tokens = write_event_tokens(root / "tokens", events=200)
    with publish(root / "run", report_inputs.Nothing(), stage="pretrain_model", inputs=(tokens,)) as publication:
        HISTORY.to_csv(publication.payload("history.csv"), index=False)
    settings = {
        "scores": scores,
        "simulations": [folder_of(root / "shard", {"summary.json": summary})],
        "task": {"kind": "processes", "signal": "signal_2hdm", "background": "background_ttbar"},
        "tokens": {"lepton_pt_min": 3.0},
        "references": {"pretrained": 0.79},
    }
    return Spec(
        output=root / "study",
        study="event_pretraining",
        kind="events",
        part=STUDY_TABLES["events"],
        settings=settings,
        accuracies=(folder_of(root / "evaluated", {"accuracy.csv": report_inputs.synthetic.masked_accuracy()}),),
        runs={"masked_type": root / "run"},
        samples={"data": tokens, "simulated": write_event_tokens(root / "other", events=200)},
        sample_titles={"data": "Real muons"},
        sample_origins={"data": "collisions", "simulated": "cms_simulation"},
    )


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    spec = event_spec(tmp_path_factory.mktemp("events"))
    run(spec)
    return spec


def test_columns_are_those_that_the_issue_names(events: Spec):
    table = pd.read_csv(load_payload(events.output, "label_efficiency.csv"))
    assert list(table.columns) == ["study", "model", "n_labels", "seed", "auc"]
    assert set(table["model"]) == set(report_inputs.synthetic.BASE)
    assert set(table["study"]) == {"event_pretraining"}


def test_all_tables_are_written(events: Spec):
    names = {path.stem for path in events.output.glob("*.csv")}
    own = {"label_efficiency", "label_summary", "label_comparison", "tuned_choices"}
    own |= {"masked_accuracy", "object_distributions"}
    assert names == own | {"dimuon_mass", "mixture", "training_curves", "samples", "facts"}


def test_facts_hold_references_and_the_size_of_the_test_set(events: Spec):
    facts = pd.read_csv(events.output / "facts.csv").set_index("name")["value"]
    assert facts["reference_pretrained"] == "0.79"
    assert (facts["test_signal"], facts["test_background"]) == ("700", "800")
    assert facts["task_title"] == "signal 2hdm against background ttbar"
    assert (facts["task_origin"], facts["data_origin"]) == ("prehep_simulation", "collisions")
    assert (facts["lepton_pt_min"], facts["eta_max"]) == ("3", "2.4")


def test_samples_and_curves_say_where_they_come_from(events: Spec):
    samples = pd.read_csv(events.output / "samples.csv")
    assert list(samples.columns) == ["sample", "origin", "events", "title", "pretrained_on"]
    assert samples.to_numpy().tolist() == [
        ["data", "collisions", 200, "Real muons", True],
        ["simulated", "cms_simulation", 200, "simulated", False],
    ]
    curves = pd.read_csv(events.output / "training_curves.csv")
    assert list(curves.columns[:3]) == ["study", "run", "step"]
    assert curves["valid_loss"].tolist() == [2.1, 1.2]


def test_dimuons_are_counted_in_collisions_only_and_without_weights(events: Spec):
    spectrum = pd.read_csv(events.output / "dimuon_mass.csv")
    assert list(spectrum.columns) == ["sample", "low", "high", "count"]
    assert set(spectrum["sample"]) == {"data"}
    assert spectrum["count"].dtype == np.int64
    assert 0 < spectrum["count"].sum() <= 200


def test_tracks_join_models_and_baseline(tmp_path: Path):
    accuracy, distance = report_inputs.synthetic.accuracy(), report_inputs.synthetic.distance()
    parts = [
        folder_of(tmp_path / str(model), {"accuracy.csv": rows, "distance.csv": distance[distance["model"] == model]})
        for model, rows in accuracy.groupby("model", sort=False)
    ]
    run(
        Spec(
            output=tmp_path / "study",
            study="tracking_bert",
            kind="tracks",
            part=STUDY_TABLES["tracks"],
            accuracies=tuple(parts),
            samples={"tracks_gun": write_track_tokens(tmp_path / "tokens")},
        )
    )
    table = pd.read_csv(tmp_path / "study" / "mdm_accuracy.csv")
    expected = ["sample", "model", "input", "position", "n", "exact_accuracy", "within_20mm"]
    assert list(table.columns) == expected
    assert set(table["model"]) == set(accuracy["model"])
    assert (tmp_path / "study" / "mdm_distance.csv").is_file()
