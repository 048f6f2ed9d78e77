"""Accuracy of hidden objects: known values, the majority guess, and masked against visible input."""

import numpy as np
import pytest
import torch
from event_examples import MUONS, dense_of, make_data

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.evaluation.masked_objects import Answers, accuracy_rows, collect_answers, majority_guess
from prehep.objectives.masks import Prediction
from prehep.objectives.registry import load_objective

MODEL = ModelSettings(width=16, layers=1, heads=2, feedforward=32)


class Oracle:
    """Masks leptons and MET; right about them where they are visible, else it answers 0."""

    def corrupt(self, batch: dict[str, torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Hide leptons and MET."""
        del generator
        return {**batch, "masked": (batch["types"] == 1) | (batch["types"] == 4)}

    def predict(self, batch: dict[str, torch.Tensor], *, visible: bool = False) -> dict[str, Prediction]:
        """Answer right or 0."""
        target = batch["types"] - 1
        return {"type": Prediction(target if visible else torch.zeros_like(target), target)}


def test_accuracy_of_an_oracle() -> None:
    data = make_data(3000)
    indices = np.arange(1, 3000, 2)
    rows = {(row.input, row.object_class): row for row in accuracy_rows(collect_answers(Oracle(), data, indices))}
    leptons, met = len(indices), int((dense_of(data, "types", indices) == 4).sum())
    assert set(rows) == {(label, name) for label in ("masked", "visible") for name in ("all", "lepton", "MET")}
    assert rows["visible", "all"].accuracy == 1
    assert rows["masked", "all"].n == leptons + met
    assert rows["masked", "all"].accuracy == pytest.approx(leptons / (leptons + met))
    assert rows["masked", "all"].majority == pytest.approx(leptons / (leptons + met))
    assert rows["masked", "MET"].accuracy == rows["masked", "MET"].majority == 0
    assert rows["masked", "lepton"].n == leptons


def test_row_has_the_columns_of_the_file() -> None:
    (row, *_) = accuracy_rows(collect_answers(Oracle(), make_data(10), np.arange(10)))
    assert list(row.as_dict()) == ["input", "target", "class", "n", "accuracy", "majority"]


def test_guess_of_a_kinematic_target_knows_the_class_of_object() -> None:
    types = np.array([1, 1, 1, 3, 3, 3])
    target = np.array([5, 5, 2, 7, 7, 0])
    answers = {("masked", "pt"): Answers(np.zeros(6, np.int64), target, types)}
    rows = {row.object_class: row for row in accuracy_rows(answers)}
    assert rows["all"].majority == pytest.approx(4 / 6)
    assert rows["lepton"].majority == pytest.approx(2 / 3)
    assert rows["light jet"].accuracy == pytest.approx(1 / 3)


def test_majority_guess_known_values() -> None:
    target, groups = np.array([3, 3, 1, 2, 0, 2]), np.array([0, 0, 0, 1, 1, 1])
    assert majority_guess(target, groups).tolist() == [3, 3, 3, 2, 2, 2]
    assert majority_guess(np.array([1, 0]), np.zeros(2, int)).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("name", "targets"), [("masked_type", {"type"}), ("masked_kinematics", {"pt", "eta", "phi", "charge"})]
)
def test_objectives_are_evaluated_on_the_same_objects_hidden_and_visible(name: str, targets: set[str]) -> None:
    data = make_data(200, MUONS)
    settings = ObjectiveSettings.model_validate({"name": name})
    objective = load_objective(name).build(settings, MODEL, data.info).eval()
    answers = collect_answers(objective, data, np.arange(150), seed=4)
    assert set(answers) == {(label, target) for label in ("masked", "visible") for target in targets}
    for target in targets:
        hidden, visible = answers["masked", target], answers["visible", target]
        np.testing.assert_array_equal(hidden.target, visible.target)
        assert (hidden.target >= 0).all()
    again = collect_answers(objective, data, np.arange(150), seed=4)
    np.testing.assert_array_equal(again["masked", min(targets)].predicted, answers["masked", min(targets)].predicted)
    if "charge" in targets:
        assert set(answers["masked", "charge"].types) == {1}
        assert 4 not in answers["masked", "eta"].types
