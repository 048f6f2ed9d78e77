"""Figure B1: how far the predicted module is from the true one, as a cumulative distribution."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prehep.evaluation.probes import accuracy_error
from prehep.figures.references import PAPER_MASKED_WITHIN, PAPER_VISIBLE_WITHIN
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

PROBE = ["sample", "model", "input", "position"]
COLUMNS = ["sample", "model", "input", "distance_mm", "cumulative", "error"]


def points(tables: Tables, context: Context) -> pd.DataFrame:
    """Return what is drawn: the cumulative distribution over all masked positions, masked input, and its error.

    Args:
        tables: `mdm_distance`, and `mdm_accuracy` for the number of probes.
        context: not used.
    """
    del context
    table = tables["mdm_distance"].merge(tables["mdm_accuracy"][[*PROBE, "n"]], on=PROBE, how="left")
    table["error"] = accuracy_error(table["cumulative"], table["n"], table["position"])
    return table.loc[(table["position"] == "all") & (table["input"] == "masked"), COLUMNS].reset_index(drop=True)


def draw(tables: Tables, context: Context) -> Figure:
    """Draw one panel per sample: fraction of predictions within a distance of the true module's centre.

    Args:
        tables: `mdm_distance`, `mdm_accuracy` and optionally `samples`.
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
            colour, fraction = PALETTE[index % len(PALETTE)], chosen["cumulative"]
            axes.plot(
                chosen["distance_mm"], fraction, drawstyle="steps-post", color=colour,
                linestyle=DASHES[index % len(DASHES)], label=model.replace("_", " "),
            )  # fmt: skip
            low, high = fraction - chosen["error"], fraction + chosen["error"]
            axes.fill_between(chosen["distance_mm"], low, high, step="post", color=colour, alpha=0.2, linewidth=0)
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
    shown = {
        "paper B's notebook, masked input, track A of model 14": ("*", PAPER_MASKED_WITHIN),
        "paper B's headline, probably with visible input": ("X", PAPER_VISIBLE_WITHIN),
    }
    for title, (marker, values) in shown.items():
        axes.plot(
            list(values), list(values.values()), linestyle="none", marker=marker, markersize=9, label=title,
            color=REFERENCE_COLOUR, zorder=3, clip_on=False,
        )  # fmt: skip
