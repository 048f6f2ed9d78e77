"""The dimuon mass spectrum on logarithmic axes, where the J/psi and the Z stand out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prehep.figures.style import (
    PALETTE,
    REFERENCE_COLOUR,
    Context,
    Tables,
    label_axes,
    new_figure,
    note,
    sample_titles,
    source_label,
)

COLOURS = ("black", *PALETTE)
RESONANCES = {
    r"$\omega/\rho$": 0.7755,
    r"$\phi$": 1.0195,
    r"$J/\psi$": 3.0969,
    r"$\psi'$": 3.6861,
    r"$\Upsilon$": 9.4604,
    "$Z$": 91.188,
}
"""Masses in GeV (Particle Data Group)."""


def points(tables: Tables, context: Context) -> pd.DataFrame:
    """Return what is drawn: pairs per bin, and per GeV with its Poisson error, for every sample of collisions.

    Args:
        tables: `dimuon_mass`.
        context: not used.
    """
    del context
    table = tables["dimuon_mass"].copy()
    width = table["high"] - table["low"]
    return table.assign(per_gev=table["count"] / width, per_gev_error=table["count"] ** 0.5 / width)


def draw(tables: Tables, context: Context) -> Figure:
    """Draw pairs of opposite charge per GeV against their mass, with the known resonances marked.

    Args:
        tables: `dimuon_mass` and optionally `samples`.
        context: label and title.
    """
    drawn, samples = points(tables, context), tables.get("samples")
    figure, (axes,) = new_figure(height=5.0)
    names = list(dict.fromkeys(drawn["sample"]))
    titles = sample_titles(samples)
    for index, name in enumerate(names):
        _spectrum(axes, drawn[drawn["sample"] == name], index, titles.get(name, name))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.3, 200)
    axes.set_xlabel("mass of the two leading muons, opposite charge [GeV]")
    axes.set_ylabel("pairs / GeV")
    ticks = [0.5, 1, 2, 5, 10, 20, 50, 100, 200]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    label_axes(axes, context, source_label(samples, names, context))
    if drawn.empty:
        note(axes, "no pair of muons of opposite charge in these samples")
        return figure
    _mark_resonances(axes, drawn)
    axes.legend(loc="lower left")
    return figure


def _spectrum(axes: Axes, rows: pd.DataFrame, index: int, title: str) -> None:
    filled = rows[rows["count"] > 0]
    axes.errorbar(
        np.sqrt(filled["low"] * filled["high"]), filled["per_gev"], yerr=filled["per_gev_error"], fmt="o",
        color=COLOURS[index % len(COLOURS)], markersize=2.2, elinewidth=0.7, label=title,
    )  # fmt: skip


def _mark_resonances(axes: Axes, drawn: pd.DataFrame) -> None:
    """Write each resonance above the highest point of its bin; only those inside the spectrum's reach."""
    filled = drawn[drawn["count"] > 0]
    top = float(filled["per_gev"].max())
    axes.set_ylim(float(filled["per_gev"].min()) / 3, top * 8)
    for name, mass in RESONANCES.items():
        near = filled[(filled["low"] < mass * 1.03) & (filled["high"] > mass / 1.03)]
        if len(near):
            height = float(near["per_gev"].max())
            axes.annotate(
                name, (mass, height * 1.5), (mass, height * 3.2), ha="center", size=11, color=REFERENCE_COLOUR,
                arrowprops={"arrowstyle": "-", "color": REFERENCE_COLOUR, "linewidth": 0.8},
            )  # fmt: skip
