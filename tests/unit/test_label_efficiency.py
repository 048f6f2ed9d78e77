"""Means, paired differences and the sentences made of them."""

import math

import pandas as pd
import pytest

from prehep.evaluation.label_efficiency import (
    EFFICIENCY_COLUMNS,
    label_comparison,
    label_efficiency,
    label_summary,
    labels_needed,
    tuned_choices,
)
from prehep.evaluation.label_verdict import verdict
from prehep.evaluation.metrics import auc_error

MANY = (10**9, 10**9)


def scores(values: dict[str, dict[int, list[float]]]) -> pd.DataFrame:
    rows = [
        (model, n_labels, seed, auc, auc, 0.1, 10)
        for model, by_labels in values.items()
        for n_labels, areas in by_labels.items()
        for seed, auc in enumerate(areas, start=1)
    ]
    columns = ["model", "n_labels", "seed", "auc", "valid_auc", "learning_rate", "steps"]
    return label_efficiency("events", [pd.DataFrame(rows, columns=columns)])


def test_columns_are_those_that_the_issue_names():
    assert list(scores({"pretrained": {64: [0.6]}}).columns) == ["study", "model", "n_labels", "seed", "auc"]
    assert EFFICIENCY_COLUMNS == ["study", "model", "n_labels", "seed", "auc"]


def test_summary_of_known_values():
    row = label_summary(scores({"pretrained": {64: [0.60, 0.62, 0.64]}})).iloc[0]
    assert (row["mean"], row["std"]) == pytest.approx((0.62, 0.02))
    assert (row["low"], row["high"], row["n_seeds"]) == (0.60, 0.64, 3)


def test_paired_difference_removes_what_seeds_share():
    table = scores({"pretrained": {64: [0.60, 0.70, 0.80]}, "scratch_tuned": {64: [0.55, 0.651, 0.749]}})
    row = label_comparison(table, MANY).iloc[0]
    assert row["difference"] == pytest.approx(0.05)
    assert row["error"] == pytest.approx(0.001 / math.sqrt(3), rel=1e-6)
    assert row["outcome"] == "better"


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [([0.60, 0.61, 0.62], "better"), ([0.50, 0.56, 0.62], "undecided"), ([0.40, 0.41, 0.42], "worse")],
)
def test_outcome_needs_an_interval_without_zero(ours: list[float], outcome: str):
    table = scores({"pretrained": {64: ours}, "trees_flat": {64: [0.55, 0.56, 0.57]}})
    assert label_comparison(table, MANY).iloc[0]["outcome"] == outcome


def test_a_small_test_set_makes_the_same_difference_undecided():
    table = scores({"pretrained": {64: [0.60, 0.61, 0.62]}, "trees_flat": {64: [0.55, 0.56, 0.57]}})
    assert label_comparison(table, (50, 50)).iloc[0]["outcome"] == "undecided"


def test_test_set_counts_for_both_models():
    table = scores({"pretrained": {64: [0.7, 0.7]}, "trees_flat": {64: [0.6, 0.6]}})
    row = label_comparison(table, (300, 400)).iloc[0]
    assert row["test_error"] == pytest.approx(math.hypot(auc_error(0.7, 300, 400), auc_error(0.6, 300, 400)))
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * row["test_error"])


def test_one_seed_decides_nothing():
    table = scores({"pretrained": {64: [0.9]}, "scratch_tuned": {64: [0.5]}})
    comparison = label_comparison(table, MANY)
    assert comparison.iloc[0]["outcome"] == "one seed"
    assert "not decided (one seed)" in verdict(comparison, label_summary(table))[0]


def test_labels_needed_interpolates_in_the_logarithm():
    curve = pd.Series([0.5, 0.7], index=[100, 10_000])
    assert labels_needed(curve, 0.6) == pytest.approx(1_000)
    assert math.isnan(labels_needed(curve, 0.71))
    assert math.isnan(labels_needed(curve, 0.49))


def test_label_saving_counts_the_labels_of_the_other_model():
    table = scores(
        {"pretrained": {100: [0.6, 0.6], 10_000: [0.8, 0.8]}, "scratch_tuned": {100: [0.5, 0.5], 10_000: [0.7, 0.7]}}
    )
    saving = label_comparison(table, MANY).set_index("n_labels")["label_saving"]
    assert saving[100] == pytest.approx(10)
    assert math.isnan(saving[10_000])


def test_no_labels_are_saved_against_an_untuned_model_or_without_a_clear_gain():
    ours = {100: [0.6, 0.6], 10_000: [0.8, 0.8]}
    worse = {100: [0.5, 0.5], 10_000: [0.7, 0.7]}
    equal = {100: [0.5, 0.71], 10_000: [0.7, 0.91]}
    table = scores({"pretrained": ours, "scratch_published": worse, "trees_flat": equal, "trees_engineered": worse})
    saving = label_comparison(table, MANY).set_index(["versus", "n_labels"])["label_saving"]
    assert saving["trees_engineered", 100] == pytest.approx(10)
    assert saving.drop(("trees_engineered", 100)).isna().all()


def test_tuned_choices_of_known_values():
    networks = pd.DataFrame(
        [("pretrained", 64, 1, 0.003, 100), ("pretrained", 64, 2, 0.003, 300)],
        columns=["model", "n_labels", "seed", "learning_rate", "steps"],
    )
    trees = networks.iloc[:1].assign(model="trees_flat", learning_rate=0.1, steps=7)
    curves = pd.DataFrame(
        [("pretrained", 64, seed, step) for seed, last in ((1, 300), (2, 500)) for step in (100, last)],
        columns=["model", "n_labels", "seed", "step"],
    )
    rows = tuned_choices([networks, trees], [curves]).set_index("model")
    assert rows.loc["pretrained"].tolist() == [64, 0.003, 200, 400]
    assert rows.loc["trees_flat", ["learning_rate", "kept_step"]].tolist() == [0.1, 7]
    assert math.isnan(rows.loc["trees_flat", "last_step"])


def test_verdict_says_where_it_helps_and_where_not_and_names_the_stronger_trees():
    table = scores(
        {
            "pretrained": {64: [0.60, 0.61, 0.62], 256: [0.64, 0.66, 0.65]},
            "scratch_tuned": {64: [0.55, 0.56, 0.57], 256: [0.66, 0.65, 0.64]},
            "trees_flat": {64: [0.51, 0.52, 0.53], 256: [0.52, 0.53, 0.54]},
            "trees_engineered": {64: [0.65, 0.66, 0.67], 256: [0.70, 0.71, 0.72]},
        }
    )
    long, trees, scope = verdict(label_comparison(table, MANY), label_summary(table))
    assert "6 comparisons were made and are not corrected" in scope
    assert "pretraining helps at 64 labels per class (+0.050, 95 % interval +0.050 … +0.050)" in long
    assert "no clear difference at 256 labels" in long
    assert "engineered quantities" in trees
    assert "pretraining is worse at 64 labels" in trees
    assert "helps" not in trees
