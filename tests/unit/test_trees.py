"""Boosted trees: they find a known separation, tune on the first seed, and repeat."""

import numpy as np
import pytest

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.trees import TreeSettings
from prehep.evaluation.trees import SCORE_COLUMNS, tree_sweep

TASK = ClassificationTask(kind="processes", n_labels=(40, 200), seeds=(1, 2), test_per_class_max=300)
SETTINGS = TreeSettings(features="flat", learning_rates=(0.05, 0.2), leaves=(3, 7), iterations=20)


class Counter:
    """Counts what a progress bar would show."""

    def __init__(self) -> None:
        self.steps = 0

    def advance(self, steps: int = 1, **_facts: float) -> None:
        """Count."""
        self.steps += steps


def data(events: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    labels = random.integers(0, 2, events).astype(np.int8)
    features = random.normal(size=(events, 4))
    features[:, 0] += 1.2 * labels
    features[random.random(events) < 0.1, 1] = np.nan
    features[:, 3] = np.nan
    split = random.choice(3, events, p=[0.5, 0.25, 0.25]).astype(np.uint8)
    return features, labels, split


def test_sweep_has_one_row_per_point_and_separates_the_classes():
    counter = Counter()
    scores = tree_sweep(*data(), model="trees_flat", task=TASK, settings=SETTINGS, counter=counter)
    assert list(scores.columns) == SCORE_COLUMNS
    assert scores[["n_labels", "seed"]].to_numpy().tolist() == [[40, 1], [40, 2], [200, 1], [200, 2]]
    # two unit Gaussians 1.2 apart: the best possible AUC is 0.80
    assert scores.groupby("n_labels")["auc"].mean()[200] == pytest.approx(0.79, abs=0.03)
    assert scores["steps"].between(1, 20).all()
    assert counter.steps == 4


def test_the_grid_is_chosen_on_the_first_seed_only():
    scores = tree_sweep(*data(), model="trees_flat", task=TASK, settings=SETTINGS, counter=Counter())
    assert scores.groupby("n_labels")["learning_rate"].nunique().tolist() == [1, 1]


def test_random_labels_give_no_separation():
    features, labels, split = data()
    shuffled = np.random.default_rng(6).permutation(labels)
    scores = tree_sweep(features, shuffled, split, model="trees_flat", task=TASK, settings=SETTINGS, counter=Counter())
    assert scores["auc"].mean() == pytest.approx(0.5, abs=0.04)


def test_two_sweeps_agree():
    first, second = (
        tree_sweep(*data(), model="trees_flat", task=TASK, settings=SETTINGS, counter=Counter()) for _ in range(2)
    )
    assert first.equals(second)
