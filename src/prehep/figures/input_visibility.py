"""Figure B7, the leak test: accuracy when the probed token is masked against when it is left visible."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prehep.evaluation.probes import accuracy_error
from prehep.figures.references import PAPER_MASKED, PAPER_VISIBLE
from prehep.figures.style import (
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

COLUMNS = ["sample", "model", "input", "n", "exact_accuracy", "error"]
INPUTS = {"masked": "probed token masked", "visible": "probed token left visible (a copy)"}


def points(tables: Tables, context: Context) -> pd.DataFrame:
    """Return what is drawn: accuracy over all positions, with its error, of the models that were probed both ways.

    Args:
        tables: `mdm_accuracy`.
        context: not used.
    """
    del context
    table = tables["mdm_accuracy"]
    chosen = table[table["position"] == "all"]
    chosen = chosen.assign(error=accuracy_error(chosen["exact_accuracy"], chosen["n"], chosen["position"]))
    both = chosen.groupby("model")["input"].nunique()
    return chosen.loc[chosen["model"].isin(both.index[both > 1]), COLUMNS].reset_index(drop=True)


def draw(tables: Tables, context: Context) -> Figure:
    """Draw a pair of bars per model and sample, with the paper's two numbers as lines.

    Args:
        tables: `mdm_accuracy` and optionally `samples`.
        context: label and title.
    """
    drawn, samples = points(tables, context), tables.get("samples")
    names, models = list(dict.fromkeys(drawn["sample"])), list(dict.fromkeys(drawn["model"]))
    figure, panels = new_figure(rows=max(len(names), 1), height=2.5 * max(len(names), 1) + 1.6, sharex=True)
    titles = sample_titles(samples)
    for axes, name in zip(panels, names, strict=False):
        _bars(axes, drawn[drawn["sample"] == name], models)
        _references(axes)
        axes.set_ylabel("exact accuracy")
        axes.set_ylim(0, 1.36)
        axes.grid(axis="y")
        label_panel(axes, titles.get(name, name))
        axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    panels[-1].set_xticks(range(len(models)), [model.replace("_", " ") for model in models])
    panels[-1].set_xlabel("model and how it was masked in training")
    label_axes(panels[0], context, source_label(samples, names, context))
    legend_below(figure, *panels)
    return figure


def _bars(axes: Axes, rows: pd.DataFrame, models: list[str]) -> None:
    for index, (name, title) in enumerate(INPUTS.items()):
        chosen = rows[rows["input"] == name]
        places = [models.index(model) + 0.36 * (index - 0.5) for model in chosen["model"]]
        bars = axes.bar(
            places, chosen["exact_accuracy"], 0.34, yerr=chosen["error"], color=PALETTE[index], label=title,
            error_kw={"elinewidth": 1, "capsize": 2},
        )  # fmt: skip
        axes.bar_label(bars, fmt="%.3f", padding=2, size=9)


def _references(axes: Axes) -> None:
    label = "paper B's notebook: 0.998 with visible input"
    axes.axhline(PAPER_VISIBLE, color=REFERENCE_COLOUR, linestyle="--", linewidth=1, label=label, zorder=0.5)
    label = "paper B's notebook: 0.80 with real masks"
    axes.axhline(PAPER_MASKED.values[3], color=REFERENCE_COLOUR, linestyle=":", linewidth=1.3, label=label, zorder=0.5)
