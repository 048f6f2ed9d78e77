"""Training and validation loss of every pretraining run against the step."""

import pandas as pd
from matplotlib.figure import Figure

from prehep.figures.style import PALETTE, Context, Tables, legend_below, new_figure, source_label

COLUMNS = ["study", "run", "step", "train_loss", "valid_loss"]
SERIES = {"train_loss": ("training", "-", 0), "valid_loss": ("validation", "--", 1)}


def points(tables: Tables, context: Context) -> pd.DataFrame:
    """Return what is drawn: the two losses per run and step.

    Args:
        tables: `training_curves`.
        context: not used.
    """
    del context
    return tables["training_curves"][COLUMNS]


def draw(tables: Tables, context: Context) -> Figure:
    """Draw one panel per run with its own scale: losses of different objectives do not compare.

    Args:
        tables: `training_curves` and optionally `samples`.
        context: label and title.
    """
    drawn, samples = points(tables, context), tables.get("samples")
    names = None if samples is None else list(samples.loc[samples["pretrained_on"], "sample"])
    runs = list(dict.fromkeys(zip(drawn["study"], drawn["run"], strict=True)))
    columns = 1 if len(runs) == 1 else 2
    rows = max(-(-len(runs) // columns), 1)
    figure, panels = new_figure(rows, columns, height=2.7 * rows + 1.2)
    for axes, (study, run) in zip(panels, runs, strict=False):
        chosen = drawn[(drawn["study"] == study) & (drawn["run"] == run)].sort_values("step")
        for column, (title, dash, colour) in SERIES.items():
            known = chosen.dropna(subset=[column])
            axes.plot(
                known["step"], known[column], dash, color=PALETTE[colour], label=title, marker="o", markersize=2.5
            )
        axes.set_title(f"{study}: {run}".replace("_", " "), size=10)
        axes.set_xlabel("step")
        axes.set_ylabel("loss [nats]")
        axes.grid(axis="y")
    for axes in panels[len(runs) :]:
        axes.set_axis_off()
    figure.suptitle(
        f"{source_label(samples, names, context)}   {context.title}", x=0.01, ha="left", size=11.5, weight="bold"
    )
    legend_below(figure, panels[0])
    return figure
