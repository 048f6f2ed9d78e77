"""The baselines' stage: trees on random muons and an n-gram on straight tracks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from token_folders import write_event_tokens, write_track_tokens

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.manifest import load_payload
from prehep.stages.engineered_trees import EngineeredTrees
from prehep.stages.labelled_events import read_labelled_events
from prehep.stages.train_baseline import Spec, run
from prehep.workflow.parts import BASELINES

TREES = {"features": "flat", "learning_rates": [0.1], "leaves": [4], "iterations": 20}
TASK = {"kind": "processes", "signal": "s", "background": "b", "n_labels": [20, 60], "seeds": [1, 2]}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("tokens")
    return write_event_tokens(root / "signal", seed=1, shift=8), write_event_tokens(root / "background", seed=2)


@pytest.mark.parametrize("features", ["flat", "engineered"])
def test_trees_separate_harder_muons(folders: tuple[Path, Path], tmp_path: Path, features: str):
    settings = {"task": TASK, "trees": TREES}
    run(Spec(output=tmp_path, model="trees", baseline=BASELINES[features], tokens=folders, settings=settings))
    scores = pd.read_csv(load_payload(tmp_path, "scores.csv"))
    assert list(scores.columns) == ["model", "n_labels", "seed", "auc", "valid_auc", "learning_rate", "steps"]
    assert scores.loc[scores["n_labels"] == 60, "auc"].mean() > 0.75
    counts = json.loads(load_payload(tmp_path, "test_set.json").read_text())
    splits = [np.load(folder / "split.npy") for folder in folders]
    assert counts == {"signal": int((splits[0] == 2).sum()), "background": int((splits[1] == 2).sum())}


def test_where_a_mass_is_the_answer_no_feature_is_a_mass(folders: tuple[Path, Path]):
    task = ClassificationTask.model_validate(TASK)
    events = read_labelled_events(folders, task)
    with_masses = EngineeredTrees(task=task, trees=TREES).features_of(events)
    unmassive = task.model_copy(update={"masses_as_features": False})
    without = EngineeredTrees(task=unmassive, trees=TREES).features_of(events)
    assert without.shape[1] < with_masses.shape[1]


def test_ngram_continues_straight_tracks(tmp_path: Path):
    train = write_track_tokens(tmp_path / "train", tracks=400)
    other = write_track_tokens(tmp_path / "other", tracks=150, seed=2)
    settings = {"evaluation": {"train": train, "other": other}, "whole": ["other"]}
    spec = Spec(output=tmp_path / "out", model="ngram", baseline=BASELINES["ngram"], tokens=(train,), settings=settings)
    assert set(run(spec).inputs) == {train.as_posix(), other.as_posix()}
    accuracy = pd.read_csv(load_payload(tmp_path / "out", "accuracy.csv"))
    expected = ["sample", "model", "input", "position", "n", "exact_accuracy", "within_20mm"]
    assert list(accuracy.columns) == expected
    assert set(accuracy["input"]) == {"masked"}
    whole = accuracy[accuracy["position"] == "first"].set_index("sample")["n"]
    assert whole["other"] == 150
    assert whole["train"] == int((np.load(train / "split.npy") == 2).sum())
    assert accuracy.loc[accuracy["position"] == "middle", "exact_accuracy"].min() > 0.95
    distance = pd.read_csv(load_payload(tmp_path / "out", "distance.csv"))
    assert distance.groupby(["sample", "position"]).size().unique().tolist() == [201]


@pytest.mark.parametrize(("kind", "settings"), [("flat", {"trees": TREES}), ("ngram", {"evaluation": {}})])
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, kind: str, settings: dict[str, Any]):
    with pytest.raises(ValidationError, match=r"task|evaluation"):
        Spec(output=tmp_path, model="x", baseline=BASELINES[kind], tokens=(tmp_path,), settings=settings)
