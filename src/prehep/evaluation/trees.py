"""Gradient-boosted trees, tuned on the same few validation labels as the networks and tested on the same events."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.trees import TreeSettings
from prehep.core.logging import Progress
from prehep.evaluation.metrics import area_under_curve
from prehep.tokens.labelled_sets import LabelledSplit, labelled_split

SCORE_COLUMNS = ["model", "n_labels", "seed", "auc", "valid_auc", "learning_rate", "steps"]
FEWEST_PER_LEAF = 10
BINS = 63

Table = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True)
class TreeFit:
    """Boosted trees cut off at the number of trees with the best validation AUC."""

    auc: float
    valid_auc: float
    learning_rate: float
    leaves: int
    trees: int


def tree_sweep(
    features: Table,
    labels: NDArray[np.int8],
    split: NDArray[np.uint8],
    *,
    model: str,
    task: ClassificationTask,
    settings: TreeSettings,
    counter: Progress,
) -> pd.DataFrame:
    """Fit trees for every number of labels and seed of a task.

    Learning rate and leaves are chosen on the validation set of the first seed, for each number of labels, and kept
    for the other seeds; the number of trees is chosen on each seed's own validation set. Networks do the same.

    Args:
        features: (events, features); NaN where something is absent.
        labels: (events,) 1 signal, 0 background, -1 not used.
        split: (events,) 0 training, 1 validation, 2 test.
        model: name in the table.
        task: numbers of labels and seeds.
        settings: the grid.
        counter: advanced once per number of labels and seed.

    Returns:
        One row per number of labels and seed with columns `SCORE_COLUMNS`; `steps` = number of trees.
    """
    rows = []
    # samples are so small that a second thread costs more than it brings, and jobs run side by side
    with threadpool_limits(limits=1):
        for n_labels in task.n_labels:
            grid = list(product(settings.learning_rates, settings.leaves))
            for seed in task.seeds:
                chosen = labelled_split(labels, split, n_labels, seed, task)
                fits = _fits(features, labels, chosen, grid, settings.iterations, seed)
                best = max(fits, key=lambda fit: fit.valid_auc)
                grid = [(best.learning_rate, best.leaves)]
                rows.append((model, n_labels, seed, best.auc, best.valid_auc, best.learning_rate, best.trees))
                counter.advance(auc=best.auc)
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def _fits(
    features: Table,
    labels: NDArray[np.int8],
    chosen: LabelledSplit,
    grid: list[tuple[float, int]],
    iterations: int,
    seed: int,
) -> Iterator[TreeFit]:
    for learning_rate, leaves in grid:
        yield fit_trees(
            features, labels, chosen, learning_rate=learning_rate, leaves=leaves, iterations=iterations, seed=seed
        )


def fit_trees(
    features: Table,
    labels: NDArray[np.int8],
    chosen: LabelledSplit,
    *,
    learning_rate: float,
    leaves: int,
    iterations: int,
    seed: int,
) -> TreeFit:
    """Fit boosted trees and stop at the number of trees with the best validation AUC.

    The training events are all used for fitting: early stopping reads the validation events, as for the networks.

    Returns:
        The test AUC at that number of trees, and how it was chosen.
    """
    with_values = ~np.isnan(features[chosen.train]).all(axis=0)
    table = features[:, with_values]
    trees = HistGradientBoostingClassifier(
        learning_rate=learning_rate,
        max_leaf_nodes=leaves,
        max_iter=iterations,
        min_samples_leaf=FEWEST_PER_LEAF,
        max_bins=BINS,
        early_stopping=False,
        random_state=seed,
    ).fit(table[chosen.train], labels[chosen.train])
    valid = [
        area_under_curve(labels[chosen.valid], scores.ravel())
        for scores in trees.staged_decision_function(table[chosen.valid])
    ]
    best = int(np.argmax(valid))
    for stage, scores in enumerate(trees.staged_decision_function(table[chosen.test])):
        if stage == best:
            auc = area_under_curve(labels[chosen.test], scores.ravel())
            break
    return TreeFit(auc, valid[best], learning_rate, leaves, best + 1)
