"""Figure A1: AUC against labelled events per class, mean and spread over seeds, for every model."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prehep.evaluation.label_efficiency import MODELS
from prehep.evaluation.model_titles import TITLES
from prehep.figures.references import PAPER_A_LABELS
from prehep.figures.style import (
    DASHES,
    MARKERS,
    PALETTE,
    REFERENCE_COLOUR,
    Context,
    Tables,
    label_axes,
    legend_below,
    new_figure,
)

REFERENCES = {"pretrained": "paper: pretrained", "scratch": "paper: scratch"}
COLUMNS = ["model", "n_labels", "mean", "std", "n_seeds"]
SPREAD = 1.035


def points(tables: Tables, context: Context) -> pd.DataFrame:
    """Return what is drawn: one row per model and number of labels, and the paper's values.

    Args:
        tables: `label_summary`.
        context: `references` may hold the paper's AUCs under `pretrained` and `scratch`.
    """
    summary = tables["label_summary"][COLUMNS]
    paper = [
        (REFERENCES[name], PAPER_A_LABELS, value, 0.0, 1)
        for name, value in context.references.items()
        if name in REFERENCES
    ]
    return pd.concat([summary, pd.DataFrame(paper, columns=COLUMNS)], ignore_index=True) if paper else summary


def draw(tables: Tables, context: Context) -> Figure:
    """Draw mean AUC with a band of one standard deviation over seeds against labels per class.

    Args:
        tables: `label_summary`.
        context: label, title and the paper's values.
    """
    drawn = points(tables, context)
    figure, (axes,) = new_figure(height=5.6)
    for index, model in enumerate(MODELS):
        _curve(axes, drawn[drawn["model"] == model], index, TITLES[model])
    _paper(axes, drawn)
    axes.axhline(0.5, color=REFERENCE_COLOUR, linewidth=0.8, linestyle=":")
    _finish(axes, drawn, context)
    legend_below(figure, axes)
    return figure


def _curve(axes: Axes, rows: pd.DataFrame, index: int, title: str) -> None:
    if rows.empty:
        return
    rows = rows.sort_values("n_labels")
    # a few per cent apart on the logarithmic axis, or the bars of five models hide each other
    shifted = rows["n_labels"] * SPREAD ** (index - 2)
    colour = PALETTE[index]
    axes.errorbar(
        shifted, rows["mean"], yerr=rows["std"], color=colour, marker=MARKERS[index], linestyle=DASHES[index],
        capsize=2.5, elinewidth=1.2, label=title,
    )  # fmt: skip


def _paper(axes: Axes, drawn: pd.DataFrame) -> None:
    for (name, title), marker in zip(REFERENCES.items(), ("*", "X"), strict=True):
        rows = drawn[drawn["model"] == title]
        axes.plot(
            rows["n_labels"], rows["mean"], color=REFERENCE_COLOUR, marker=marker, markersize=10, linestyle="none",
            label=f"{title} (2312.06909: one trial, its own data)" if name and len(rows) else None,
        )  # fmt: skip


def _finish(axes: Axes, drawn: pd.DataFrame, context: Context) -> None:
    ticks = sorted(drawn["n_labels"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(ticks[0] / 1.4, ticks[-1] * 1.4)
    axes.set_xlabel("labelled events per class for training")
    axes.set_ylabel("area under the ROC curve (test set)")
    axes.grid(axis="y")
    label_axes(axes, context)
