"""Evaluation of pretrained models of both kinds, and the entries they are evaluated on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from token_folders import write_event_tokens, write_track_tokens

from prehep.core.manifest import load_payload
from prehep.objectives.registry import OBJECTIVES
from prehep.stages import pretrain_model
from prehep.stages.evaluate_model import Spec, run
from prehep.stages.evaluated_entries import evaluated_entries
from prehep.workflow.parts import EVALUATIONS, READERS

SETTINGS = {
    "model": {"width": 16, "layers": 1, "heads": 2, "feedforward": 32},
    "training": {"steps": 4, "batch_size": 32, "validation_interval": 2},
}


def pretrained(root: Path, tokens: Path, kind: str, objective: str) -> Path:
    parts = {"reader": READERS[kind], "objective": OBJECTIVES[objective]}
    settings = {**SETTINGS, "objective": {"name": objective}}
    fields = {"name": "test", "tokens": [tokens], "settings": settings, **parts}
    folder = root / "run"
    pretrain_model.run(
        pretrain_model.Spec.model_validate({**fields, "device": "cpu", "output": folder, "state": root / "state"})
    )
    return folder


def test_tracks_get_both_inputs_and_a_distance_table(tmp_path: Path):
    tokens = write_track_tokens(tmp_path / "tokens")
    folder = pretrained(tmp_path, tokens, "tracks", "mdm")
    parts = {"objective": OBJECTIVES["mdm"], "evaluation": EVALUATIONS["tracks"]}
    run(Spec(output=tmp_path / "out", model="bert", run=folder, tokens={"gun": tokens}, device="cpu", **parts))
    accuracy = pd.read_csv(load_payload(tmp_path / "out", "accuracy.csv"))
    columns = ["sample", "model", "input", "position", "n", "exact_accuracy", "within_20mm"]
    assert list(accuracy.columns) == columns
    assert set(accuracy["input"]) == {"masked", "visible"}
    assert set(accuracy["position"]) == {"first", "middle", "last", "all"}
    distance = pd.read_csv(load_payload(tmp_path / "out", "distance.csv"))
    assert distance["distance_mm"].max() == 200


def test_events_get_one_row_per_target_and_class(tmp_path: Path):
    tokens = write_event_tokens(tmp_path / "tokens")
    folder = pretrained(tmp_path, tokens, "events", "masked_kinematics")
    parts = {"objective": OBJECTIVES["masked_kinematics"], "evaluation": EVALUATIONS["events"]}
    spec = Spec(
        output=tmp_path / "out", model="kinematics", run=folder, tokens={"muons": tokens}, device="cpu", **parts
    )
    run(spec)
    accuracy = pd.read_csv(load_payload(tmp_path / "out", "accuracy.csv"))
    columns = ["sample", "model", "input", "target", "class", "n", "accuracy", "majority"]
    assert list(accuracy.columns) == columns
    assert {"pt", "eta", "phi", "charge"} <= set(accuracy["target"])


def test_foreign_samples_are_used_whole_and_others_in_their_test_part():
    split = np.array([0, 2, 1, 2, 0, 2], dtype=np.uint8)
    assert evaluated_entries(split, whole=False, most=10).tolist() == [1, 3, 5]
    assert evaluated_entries(split, whole=True, most=10).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_limit_draws_the_same_entries_every_time():
    split = np.full(1000, 2, dtype=np.uint8)
    first, second = (evaluated_entries(split, whole=False, most=100) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len(np.unique(first)) == 100
    assert first.max() == pytest.approx(1000, abs=60)
