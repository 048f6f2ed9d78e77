"""Figure B2: exact accuracy of a masked module by its position on the track, for every model."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prehep.evaluation.probes import accuracy_error
from prehep.figures.references import CEILING_TITLE, PAPER_MASKED, POSITIONS, PositionReference, ceiling_of
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

COLUMNS = ["sample", "model", "position", "n", "exact_accuracy", "error"]
PAPER = "paper_B_masked"
CEILING = "helix_posterior_other_sample"


def points(tables: Tables, context: Context) -> pd.DataFrame:
    """Return what is drawn: accuracy with masked input and its binomial error, and the reference values.

    Args:
        tables: `mdm_accuracy`.
        context: not used.
    """
    del context
    table = tables["mdm_accuracy"]
    masked = table[table["input"] == "masked"].copy()
    masked["error"] = accuracy_error(masked["exact_accuracy"], masked["n"], masked["position"])
    rows = [_reference(sample, PAPER, PAPER_MASKED) for sample in masked["sample"].unique()]
    rows += [
        _reference(sample, CEILING, ceiling) for sample in masked["sample"].unique() if (ceiling := ceiling_of(sample))
    ]
    return pd.concat([masked[COLUMNS], *rows], ignore_index=True)


def _reference(sample: str, name: str, reference: PositionReference) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": sample,
            "model": name,
            "position": POSITIONS,
            "n": 0,
            "exact_accuracy": reference.values,
            "error": 0.0,
        }
    )


def draw(tables: Tables, context: Context) -> Figure:
    """Draw one panel per sample: accuracy for the first, a middle, the last and any masked hit.

    Args:
        tables: `mdm_accuracy` and optionally `samples`.
        context: label and title.
    """
    drawn, samples = points(tables, context), tables.get("samples")
    names = list(dict.fromkeys(drawn["sample"]))
    figure, panels = new_figure(rows=max(len(names), 1), height=2.9 * max(len(names), 1) + 1.6, sharex=True)
    titles = sample_titles(samples)
    models = [model for model in dict.fromkeys(drawn["model"]) if model not in (PAPER, CEILING)]
    for axes, name in zip(panels, names, strict=False):
        rows = drawn[drawn["sample"] == name]
        _models(axes, rows, models)
        _references(axes, rows)
        axes.set_ylabel("exact accuracy, masked input")
        axes.set_ylim(0, 1.2)
        axes.grid(axis="y")
        label_panel(axes, titles.get(name, name))
    panels[-1].set_xticks(range(len(POSITIONS)), ["first hit", "middle hit", "last hit", "all positions"])
    panels[-1].set_xlabel("masked position, hits ordered by distance from the origin")
    panels[-1].set_xlim(-0.5, len(POSITIONS) - 0.5)
    for axes in panels:
        axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    label_axes(panels[0], context, source_label(samples, names, context))
    legend_below(figure, *panels)
    return figure


def _models(axes: Axes, rows: pd.DataFrame, models: list[str]) -> None:
    width = 0.8 / max(len(models), 1)
    for index, model in enumerate(models):
        chosen = rows[rows["model"] == model]
        places = [POSITIONS.index(position) + (index + 0.5) * width - 0.4 for position in chosen["position"]]
        axes.bar(
            places, chosen["exact_accuracy"], width * 0.92, yerr=chosen["error"], color=PALETTE[index % len(PALETTE)],
            error_kw={"elinewidth": 1, "capsize": 2}, label=model.replace("_", " "), alpha=0.9,
        )  # fmt: skip


def _references(axes: Axes, rows: pd.DataFrame) -> None:
    shown = {
        PAPER: (":", PAPER_MASKED.title),
        CEILING: ("-", CEILING_TITLE),
    }
    for name, (dash, title) in shown.items():
        chosen = rows[rows["model"] == name]
        if len(chosen):
            places = chosen["position"].map(POSITIONS.index)
            axes.hlines(
                chosen["exact_accuracy"], places - 0.44, places + 0.44, color=REFERENCE_COLOUR, linestyle=dash,
                linewidth=1.6, label=title,
            )  # fmt: skip
