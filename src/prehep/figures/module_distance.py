"""Figure B1: how far the predicted module is from the true one, as a cumulative distribution."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prehep.figures.references import PAPER_MASKED, PAPER_VISIBLE, PAPER_WITHIN_20MM
from prehep.figures.style import (
    DASHES,
    PALETTE,
    REFERENCE_COLOUR,
    Context,
    Tables,
    label_axes,
    label_panel,
    legend_below,
    new_figure,
    sample_titles,
    source_label,
)

COLUMNS = ["sample", "model", "input", "distance_mm", "cumulative"]


def points(tables: Tables, context: Context) -> pd.DataFrame:
    """Return what is drawn: the cumulative distribution over all masked positions, masked input.

    Args:
        tables: `mdm_distance`.
        context: not used.
    """
    del context
    table = tables["mdm_distance"]
    return table.loc[(table["position"] == "all") & (table["input"] == "masked"), COLUMNS].reset_index(drop=True)


def draw(tables: Tables, context: Context) -> Figure:
    """Draw one panel per sample: fraction of predictions within a distance of the true module's centre.

    Args:
        tables: `mdm_distance` and optionally `samples`.
        context: label and title.
    """
    drawn, samples = points(tables, context), tables.get("samples")
    names, models = list(dict.fromkeys(drawn["sample"])), list(dict.fromkeys(drawn["model"]))
    figure, panels = new_figure(rows=max(len(names), 1), height=2.9 * max(len(names), 1) + 1.6, sharex=True)
    titles = sample_titles(samples)
    for axes, name in zip(panels, names, strict=False):
        rows = drawn[drawn["sample"] == name]
        for index, model in enumerate(models):
            chosen = rows[rows["model"] == model].sort_values("distance_mm")
            axes.plot(
                chosen["distance_mm"], chosen["cumulative"], drawstyle="steps-post",
                color=PALETTE[index % len(PALETTE)], linestyle=DASHES[index % len(DASHES)],
                label=model.replace("_", " "),
            )  # fmt: skip
        _references(axes)
        axes.set_ylabel("fraction within distance")
        axes.set_ylim(min(0.4, float(rows["cumulative"].min()) - 0.05), 1.03)
        axes.grid(axis="both")
        label_panel(axes, titles.get(name, name), height=0.05)
    panels[-1].set_xlabel("distance between centres of predicted and true module [mm]")
    panels[-1].set_xlim(-4, 200)
    label_axes(panels[0], context, source_label(samples, names, context))
    legend_below(figure, *panels)
    return figure


def _references(axes: Axes) -> None:
    axes.plot(
        [0, 20], [PAPER_MASKED.values[3], PAPER_WITHIN_20MM], linestyle="none", marker="*", markersize=10,
        color=REFERENCE_COLOUR, label="paper's notebook, masked input (2402.10239)", zorder=3,
    )  # fmt: skip
    axes.plot(
        [0], [PAPER_VISIBLE], linestyle="none", marker="X", markersize=8, color=REFERENCE_COLOUR,
        label="paper's headline 99.8 %, input visible", zorder=3, clip_on=False,
    )  # fmt: skip
