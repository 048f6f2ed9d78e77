"""Figure A4: transverse momentum, direction and mass of the objects, data as points against simulation as lines."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prehep.figures.style import (
    DASHES,
    PALETTE,
    REFERENCE_COLOUR,
    WIDTH,
    Context,
    Handle,
    Tables,
    legend_above,
    note,
    sample_titles,
    source_label,
)

QUANTITIES = (("pt",), ("eta",), ("phi", "mass"))
AXIS = {
    "pt": ("$p_{T}$ [GeV]", "1 / GeV"),
    "eta": (r"$\eta$", ""),
    "phi": (r"$\phi$ [rad]", "1 / rad"),
    "mass": ("mass [GeV]", "1 / GeV"),
}
RATIO_RANGE = (0.0, 2.5)


def points(tables: Tables, context: Context) -> pd.DataFrame:
    """Return what is drawn: density and error per object, quantity, sample and bin (see `object_distributions`)."""
    del context
    return tables["object_distributions"]


def draw(tables: Tables, context: Context) -> Figure:
    """Draw one row per object: the distributions, and below each the ratio of simulation to data.

    Args:
        tables: `object_distributions`, whose first sample is the data, and optionally `samples`.
        context: label and title.
    """
    drawn, samples = points(tables, context), tables.get("samples")
    objects = list(dict.fromkeys(drawn["object"])) or ["object"]
    figure = Figure(figsize=(WIDTH + 1.4, 2.55 * len(objects) + 1.1), layout="constrained")
    ratios = [height for _ in objects for height in (3, 1)]
    grid = figure.subplots(2 * len(objects), len(QUANTITIES), squeeze=False, height_ratios=ratios)
    names = list(dict.fromkeys(drawn["sample"]))
    handles: dict[str, Handle] = {}
    for row, title in enumerate(objects):
        for column, quantities in enumerate(QUANTITIES):
            rows = drawn[(drawn["object"] == title) & drawn["quantity"].isin(quantities)]
            _panel(grid[2 * row, column], grid[2 * row + 1, column], rows, names, title, handles)
    titles = sample_titles(samples)
    heading = f"{source_label(samples, names, context)}   {context.title}".strip()
    legend_above(figure, list(handles.values()), [titles.get(name, name) for name in handles], heading)
    return figure


def _panel(
    upper: Axes, lower: Axes, rows: pd.DataFrame, names: list[str], title: str, handles: dict[str, Handle]
) -> None:
    if rows.empty:
        upper.set_axis_off()
        lower.set_axis_off()
        if title.endswith("MET"):
            note(upper, "MET has no $\\eta$")
        return
    quantity = str(rows["quantity"].iloc[0])
    data = rows[rows["sample"] == names[0]]
    for index, name in enumerate(names):
        chosen = rows[rows["sample"] == name]
        if len(chosen):
            handle = _data(upper, chosen) if index == 0 else _line(upper, chosen, index)
            handles.setdefault(name, handle)
            _ratio(lower, data, chosen, index)
    _finish(upper, lower, rows, quantity, title)


def _edges(rows: pd.DataFrame) -> np.ndarray:
    return np.append(rows["low"].to_numpy(), rows["high"].to_numpy()[-1])


def _data(axes: Axes, rows: pd.DataFrame) -> Handle:
    centres = (rows["low"] + rows["high"]) / 2
    return axes.errorbar(
        centres, rows["density"], yerr=rows["error"], fmt="o", color="black", markersize=3, elinewidth=1, zorder=3
    )


def _line(axes: Axes, rows: pd.DataFrame, index: int) -> Handle:
    colour = PALETTE[index - 1]
    _band(axes, rows, rows["density"].to_numpy(), rows["error"].to_numpy(), colour)
    return axes.stairs(
        rows["density"], _edges(rows), color=colour, linestyle=DASHES[index - 1], linewidth=1.5, baseline=None
    )


def _ratio(axes: Axes, data: pd.DataFrame, rows: pd.DataFrame, index: int) -> None:
    """Draw the sample over the data with the sample's error; the data's own relative error is the band around 1."""
    if data.empty:
        return
    base = data["density"].to_numpy()
    filled = base > 0
    scale = np.divide(1.0, base, out=np.full_like(base, np.nan), where=filled)
    ratio, error = rows["density"].to_numpy() * scale, rows["error"].to_numpy() * scale
    if index == 0:
        _band(axes, rows, np.where(filled, ratio, 1.0), np.where(filled, error, 0.0), REFERENCE_COLOUR)
        axes.axhline(1, color=REFERENCE_COLOUR, linewidth=0.8)
    else:
        _band(axes, rows, ratio, error, PALETTE[index - 1])
        axes.stairs(ratio, _edges(rows), color=PALETTE[index - 1], linestyle=DASHES[index - 1], baseline=None)


def _band(axes: Axes, rows: pd.DataFrame, values: np.ndarray, errors: np.ndarray, colour: str) -> None:
    low, high = values - errors, values + errors
    axes.fill_between(
        _edges(rows), np.append(low, low[-1]), np.append(high, high[-1]), step="post", color=colour, alpha=0.25,
        linewidth=0,
    )  # fmt: skip


def _finish(upper: Axes, lower: Axes, rows: pd.DataFrame, quantity: str, title: str) -> None:
    name, unit = AXIS[quantity]
    limits = (rows["low"].min(), rows["high"].max())
    upper.set_xlim(*limits)
    lower.set_xlim(*limits)
    upper.tick_params(labelbottom=False)
    top = float((rows["density"] + rows["error"]).max())
    if quantity == "pt":
        floor = rows.loc[rows["density"] > 0, "density"].min()
        upper.set_yscale("log")
        upper.set_ylim(floor / 3, top * 12)
    else:
        upper.set_ylim(0, top * 1.35)
    upper.set_ylabel(f"density [{unit}]" if unit else "density", size=9)
    lower.set_ylim(*RATIO_RANGE)
    lower.set_ylabel("ratio", size=8)
    lower.set_xlabel(f"{title} {name}", size=9)
    for axes in (upper, lower):
        axes.tick_params(labelsize=8)
