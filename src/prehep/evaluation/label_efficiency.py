"""Where pretraining saves labels and where it does not: means, paired differences and what they allow one to say."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from prehep.evaluation.metrics import auc_error, half_interval, mean_and_error

MODELS = ("pretrained", "scratch_tuned", "scratch_published", "trees_engineered", "trees_flat")
HONEST_OPPONENTS = ("scratch_tuned", "trees_engineered", "trees_flat")
"""Models that were tuned; only against them may one speak of saved labels."""
TWO_SIDED_95 = 1.96
BETTER, WORSE, UNDECIDED, ONE_SEED = "better", "worse", "undecided", "one seed"
EFFICIENCY_COLUMNS = ["study", "model", "n_labels", "seed", "auc"]
SUMMARY_COLUMNS = ["model", "n_labels", "mean", "std", "low", "high", "n_seeds"]
CHOICE_COLUMNS = ["model", "n_labels", "learning_rate", "kept_step", "last_step"]
COMPARISON_COLUMNS = [
    "model", "versus", "n_labels", "difference", "error", "test_error", "low", "high", "n_seeds", "outcome",
    "label_saving",
]  # fmt: skip


def label_efficiency(study: str, scores: list[pd.DataFrame]) -> pd.DataFrame:
    """Join the scores of all sweeps of a study.

    Args:
        study: name of the study.
        scores: tables with columns model, n_labels (per class), seed, auc.

    Returns:
        Columns `EFFICIENCY_COLUMNS`, sorted.
    """
    joined = pd.concat(scores, ignore_index=True).assign(study=study)
    return joined[EFFICIENCY_COLUMNS].sort_values(["model", "n_labels", "seed"], ignore_index=True)


def label_summary(efficiency: pd.DataFrame) -> pd.DataFrame:
    """Return mean, standard deviation and range of the AUC over seeds, per model and number of labels.

    The standard deviation is that of the seeds (labels drawn, initial weights), not of the mean; 0 for one seed.
    """
    groups = efficiency.groupby(["model", "n_labels"])["auc"]
    summary = groups.agg(
        mean="mean", std=lambda auc: auc.std(ddof=1) if len(auc) > 1 else 0.0, low="min", high="max", n_seeds="count"
    )
    return summary.reset_index()[SUMMARY_COLUMNS]


def tuned_choices(scores: list[pd.DataFrame], curves: list[pd.DataFrame]) -> pd.DataFrame:
    """Return what the validation labels chose, per model and number of labels.

    Args:
        scores: tables with columns model, n_labels, seed, learning_rate, steps.
        curves: tables of the networks with columns model, n_labels, seed, step.

    Returns:
        Columns `CHOICE_COLUMNS`: the learning rate (chosen with the first seed, kept for the others), and means over
        seeds of the step whose weights were kept (trees: their number) and of the last step run (NaN for trees).
    """
    keys = ["model", "n_labels"]
    joined = pd.concat(scores, ignore_index=True).sort_values("seed")
    choices = joined.groupby(keys).agg(learning_rate=("learning_rate", "first"), kept_step=("steps", "mean"))
    ends = pd.concat([pd.DataFrame(columns=[*keys, "seed", "step"]), *curves], ignore_index=True)
    last = ends.groupby([*keys, "seed"])["step"].max().groupby(keys).mean().rename("last_step")
    return choices.join(last).reset_index()[CHOICE_COLUMNS]


def label_comparison(efficiency: pd.DataFrame, test_events: tuple[int, int], model: str = "pretrained") -> pd.DataFrame:
    """Compare one model with each other model, seed by seed: equal seeds have equal labelled events.

    All models share one test set, whose statistics no number of seeds averages away: `test_error` is that of the
    difference of two AUCs taken as independent. On the same events they are correlated, so it is too large rather than
    too small.

    Args:
        efficiency: columns `EFFICIENCY_COLUMNS`.
        test_events: signal and background events in the test set.
        model: the model that is compared.

    Returns:
        Columns `COMPARISON_COLUMNS`: mean difference of the AUC, its standard error over seeds, the error from the test
        set, the 95 % interval from both (Student for the seeds, so wide for few), the outcome (better or worse
        where the interval excludes 0), and `label_saving`, the number of labels the other model needs for the
        same mean AUC over those used; NaN where the outcome is not better, where the other model was not tuned
        (`HONEST_OPPONENTS`), and outside its curve.
    """
    ours = _by_seed(efficiency, model)
    rows = [
        (model, versus, *row)
        for versus in MODELS
        if versus != model
        for row in _compare(ours, _by_seed(efficiency, versus), test_events, tuned=versus in HONEST_OPPONENTS)
    ]
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)


def _by_seed(efficiency: pd.DataFrame, model: str) -> pd.DataFrame:
    chosen = efficiency[efficiency["model"] == model]
    return chosen.pivot_table(index="n_labels", columns="seed", values="auc")


def _compare(
    ours: pd.DataFrame, theirs: pd.DataFrame, test_events: tuple[int, int], *, tuned: bool
) -> Iterator[tuple[object, ...]]:
    curve = theirs.mean(axis=1)
    for n_labels in ours.index.intersection(theirs.index):
        paired = (ours.loc[n_labels] - theirs.loc[n_labels]).dropna()
        difference, error = mean_and_error(paired.tolist())
        auc = float(ours.loc[n_labels].mean())
        test_error = math.hypot(auc_error(auc, *test_events), auc_error(float(curve[n_labels]), *test_events))
        half = math.hypot(half_interval(error, len(paired)), TWO_SIDED_95 * test_error)
        low, high = difference - half, difference + half
        outcome = _outcome(difference, half)
        saving = labels_needed(curve, auc) / n_labels if tuned and outcome == BETTER else math.nan
        yield n_labels, difference, error, test_error, low, high, len(paired), outcome, saving


def _outcome(difference: float, half: float) -> str:
    if math.isnan(half):
        return ONE_SEED
    if abs(difference) <= half:
        return UNDECIDED
    return BETTER if difference > 0 else WORSE


def labels_needed(curve: pd.Series, auc: float) -> float:
    """Return the number of labels at which a curve reaches an AUC, interpolated in the logarithm of the labels.

    Args:
        curve: mean AUC, indexed by number of labels.
        auc: the value to reach.

    Returns:
        Number of labels, NaN where the value lies outside the curve.
    """
    ordered = curve.sort_index()
    rising = np.maximum.accumulate(ordered.to_numpy(dtype=np.float64))
    if not rising[0] <= auc <= rising[-1]:
        return math.nan
    return float(np.exp(np.interp(auc, rising, np.log(ordered.index.to_numpy(dtype=np.float64)))))
