"""The headline numbers, as a pure function of the tables."""

import json
import math

import pandas as pd

from prehep.stages.report_metrics import headline_metrics

LABELS = pd.DataFrame(
    {"model": ["trees_flat", "pretrained", "pretrained"], "n_labels": [64, 256, 64], "mean": [0.6, 0.8, 0.7]}
)
MODULES = pd.DataFrame(
    [("gun", "ngram", "masked", "first", 0.9), ("gun", "ngram", "masked", "all", 0.7)],
    columns=["sample", "model", "input", "position", "exact_accuracy"],
)
COMPARISON = pd.DataFrame({"versus": ["trees_flat", "scratch"], "n_labels": [64, 64], "difference": [0.1, math.nan]})


def test_numbers_are_nested_and_sorted() -> None:
    found = headline_metrics({"tracks": {"mdm_accuracy": MODULES}, "events": {"label_summary": LABELS}})
    assert list(found) == ["events", "tracks"]
    assert found["events"] == {"auc": {"pretrained": {"64": 0.7, "256": 0.8}, "trees_flat": {"64": 0.6}}}
    assert list(found["events"]["auc"]["pretrained"]) == ["64", "256"]


def test_only_whole_samples_are_headlines() -> None:
    found = headline_metrics({"tracks": {"mdm_accuracy": MODULES}})
    assert found == {"tracks": {"module_accuracy": {"gun": {"ngram": {"masked": 0.7}}}}}


def test_what_is_not_known_is_left_out() -> None:
    tables = {"label_comparison": COMPARISON, "masked_accuracy": pd.DataFrame(), "facts": pd.DataFrame({"name": ["a"]})}
    assert headline_metrics({"events": tables}) == {"events": {"pretrained_minus": {"trees_flat": {"64": 0.1}}}}
    assert headline_metrics({"events": {}}) == {}


def test_order_of_rows_does_not_count() -> None:
    turned = LABELS.iloc[::-1]
    assert json.dumps(headline_metrics({"a": {"label_summary": LABELS}})) == json.dumps(
        headline_metrics({"a": {"label_summary": turned}})
    )
