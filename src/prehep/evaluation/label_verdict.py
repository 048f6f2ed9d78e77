"""Where pretraining saves labels and where it does not, in plain sentences."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from prehep.evaluation.label_efficiency import BETTER, ONE_SEED, UNDECIDED, WORSE
from prehep.evaluation.model_titles import TITLES


def verdict(comparison: pd.DataFrame, summary: pd.DataFrame) -> list[str]:
    """Say in plain sentences where pretraining helps and where it does not.

    Args:
        comparison: table of `label_comparison`.
        summary: table of `label_summary`, to find the stronger trees.

    Returns:
        One sentence per opponent (the scratch network trained long, the stronger trees, the published scratch) and
        one on what all of them rest on.
    """
    opponents = [("scratch_tuned", "the same network trained long from scratch with a tuned learning rate")]
    trees = summary[summary["model"].isin(["trees_flat", "trees_engineered"])]
    if len(trees):
        best = str(trees.groupby("model")["mean"].mean().idxmax())
        opponents.append((best, f"the stronger trees ({TITLES[best]})"))
    opponents.append(("scratch_published", "the scratch network with the recipe of the paper"))
    sentences = [
        _sentence(rows, title)
        for name, title in opponents
        if len(rows := comparison[comparison["versus"] == name].sort_values("n_labels"))
    ]
    scope = (
        f"All this holds for this one pretraining, which was not repeated with another seed. {len(comparison)} "
        "comparisons were made and are not corrected for their number: without any effect, about one in twenty would "
        "still come out as better or worse."
    )
    return [*sentences, scope]


def _sentence(rows: pd.DataFrame, title: str) -> str:
    phrases = {
        BETTER: "Pretraining helps at",
        WORSE: "pretraining is worse at",
        UNDECIDED: "no clear difference at",
        ONE_SEED: "not decided (one seed) at",
    }
    parts = []
    for outcome, phrase in phrases.items():
        chosen = rows[rows["outcome"] == outcome]
        if len(chosen):
            parts.append(f"{phrase} {', '.join(_point(row) for row in chosen.to_dict('records'))}")
    text = "; ".join(parts)
    return f"Against {title}: {text[0].lower()}{text[1:]}."


def _point(row: dict[Hashable, Any]) -> str:
    interval = f", 95 % interval {row['low']:+.3f} … {row['high']:+.3f}" if row["n_seeds"] > 1 else ""
    return f"{int(row['n_labels']):,} labels per class ({row['difference']:+.3f}{interval})"
