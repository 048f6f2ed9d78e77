"""Where a network finds masked modules better than the n-gram, and where it does not."""

import math
from typing import NamedTuple

import pandas as pd

from prehep.evaluation.probes import accuracy_error

NGRAM = "ngram"
TWO_SIDED_95 = 1.96


class ComparisonRow(NamedTuple):
    """One model on one sample: exact accuracies with masked input, their difference and its error."""

    sample: str
    model: str
    accuracy: float
    ngram: float
    difference: float
    error: float


def module_comparison(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Compare every model with the n-gram on the same masked hits, over all positions.

    Args:
        accuracy: columns sample, model, input, position, n, exact_accuracy.

    Returns:
        The fields of `ComparisonRow`. The error counts tracks and takes the two accuracies as independent; both are
        measured on the same tracks, so it is too large rather than too small.
    """
    chosen = accuracy[(accuracy["input"] == "masked") & (accuracy["position"] == "all")]
    chosen = chosen.assign(error=accuracy_error(chosen["exact_accuracy"], chosen["n"], chosen["position"]))
    rows = []
    for sample, group in chosen.groupby("sample", sort=False):
        baseline = group[group["model"] == NGRAM]
        if baseline.empty:
            continue
        reference, reference_error = baseline.iloc[0][["exact_accuracy", "error"]]
        for row in group[group["model"] != NGRAM].to_dict("records"):
            value = float(row["exact_accuracy"])
            error = math.hypot(row["error"], reference_error)
            rows.append((sample, row["model"], value, reference, value - reference, error))
    return pd.DataFrame(rows, columns=list(ComparisonRow._fields))


def module_verdict(accuracy: pd.DataFrame) -> list[str]:
    """Say in plain sentences, model by model, on which samples it beats the n-gram.

    A difference whose 95 % interval holds zero counts as none.
    """
    sentences = []
    for model, rows in module_comparison(accuracy).groupby("model", sort=False):
        parts = [
            f"{_how(row.difference, row.error)} on {row.sample} "
            f"({row.accuracy:.3f} against {row.ngram:.3f}; {_interval(row)})"
            for row in (ComparisonRow(*values) for values in rows.itertuples(index=False))
        ]
        sentences.append(f"{str(model).replace('_', ' ')}: {'; '.join(parts)}.")
    return sentences


def _interval(row: ComparisonRow) -> str:
    half = TWO_SIDED_95 * row.error
    return f"{row.difference:+.3f}, 95 % interval {row.difference - half:+.3f} … {row.difference + half:+.3f}"


def _how(difference: float, error: float) -> str:
    if abs(difference) <= TWO_SIDED_95 * error:
        return "no clear difference from the n-gram"
    return "better than the n-gram" if difference > 0 else "worse than the n-gram"
