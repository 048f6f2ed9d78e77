"""What is said about networks and the n-gram."""

import pandas as pd
import pytest

from prehep.evaluation.module_verdict import module_comparison, module_verdict
from prehep.evaluation.probes import accuracy_error


def table(**models: float) -> pd.DataFrame:
    rows = [("gun", model, shown, "all", 10_000, value) for model, value in models.items() for shown in ("masked",)]
    rows.append(("gun", "bert", "visible", "all", 10_000, 1.0))
    return pd.DataFrame(rows, columns=["sample", "model", "input", "position", "n", "exact_accuracy"])


def test_difference_and_error_of_known_values():
    row = module_comparison(table(bert=0.8, ngram=0.5)).iloc[0]
    assert row["difference"] == pytest.approx(0.3)
    # three probes per track count as one
    assert row["error"] == pytest.approx(((0.16 + 0.25) / (10_000 / 3)) ** 0.5)


def test_error_of_one_position_counts_every_track():
    table = pd.DataFrame({"fraction": [0.5, 0.5], "n": [300, 300], "position": ["first", "all"]})
    errors = accuracy_error(table["fraction"], table["n"], table["position"])
    assert errors.tolist() == pytest.approx([0.5 / 300**0.5, 0.5 / 100**0.5])


@pytest.mark.parametrize(
    ("bert", "word"), [(0.80, "better than"), (0.70, "worse than"), (0.751, "no clear difference from")]
)
def test_sentence_says_which_is_better(bert: float, word: str):
    (sentence,) = module_verdict(table(bert=bert, ngram=0.75))
    assert sentence.startswith(
        f"bert: {word} the n-gram on gun ({bert:.3f} against 0.750; {bert - 0.75:+.3f}, 95 % interval"
    )


def test_without_an_ngram_nothing_is_said():
    assert module_verdict(table(bert=0.8)) == []
