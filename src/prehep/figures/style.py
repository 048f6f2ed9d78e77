"""One look for every figure: palette, sizes, labels that say what is simulated, and where reference values go.

The six colours are those of Petroff, arXiv:2107.02270, made for colour-vision deficiency; markers and dashes repeat the
distinction, so that figures also work in grey.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mplhep.label import exp_text

Tables = Mapping[str, pd.DataFrame]
Handle = Any
"""An Artist or a Container in a legend; the stubs of matplotlib know only the first."""

PIXELS_PER_INCH = 130
WIDTH = 7.6
"""Inches; with PIXELS_PER_INCH a figure is 988 pixels wide, below the 1,200 a browser shows uncut."""

PALETTE = ("#5790fc", "#e42536", "#964a8b", "#f89c20", "#7a21dd", "#6b6b70")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
REFERENCE_COLOUR = "#3a3a3d"
REFERENCE_WORDS = ("paper", "helix")
"""How the legend entries of reference values begin."""

SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.labelsize": 12,
    "axes.linewidth": 1.0,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=list(PALETTE)),
    "grid.color": "#d9d9de",
    "grid.linewidth": 0.7,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.7,
    "lines.markersize": 5.5,
    "figure.dpi": PIXELS_PER_INCH,
    "savefig.dpi": PIXELS_PER_INCH,
    "figure.facecolor": "white",
    "pdf.fonttype": 42,
    "svg.hashsalt": "prehep",
}

COLLISIONS = "collisions"
PREHEP = "prehep_simulation"
ORIGINS = {
    PREHEP: "prehep simulation",
    COLLISIONS: "CMS Open Data",
    "cms_simulation": "CMS simulation, public test files",
    "trackml_simulation": "TrackML simulation",
}


@dataclass(frozen=True)
class Context:
    """What a figure cannot read from its tables.

    Attributes:
        origin: who made the data, a key of `ORIGINS`; of figures that cannot tell it by the names of their samples.
        title: shown at the upper right, e.g. the task or the data-taking period.
        references: published values by name, drawn where a figure knows the name.
    """

    origin: str = PREHEP
    title: str = ""
    references: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return what the figure says about its data; simulation is never called CMS alone."""
        return ORIGINS[self.origin]


@contextmanager
def style() -> Iterator[None]:
    """Apply the look inside a `with` block and restore what was set before."""
    with mpl.rc_context(SETTINGS):
        yield


def new_figure(
    rows: int = 1, columns: int = 1, height: float = 5.0, *, sharex: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return an off-screen figure with its axes in reading order.

    Args:
        rows: rows of panels.
        columns: columns of panels.
        height: inches.
        sharex: one horizontal axis for all panels.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=sharex)
    return figure, list(axes.flat)


def label_axes(axes: Axes, context: Context, text: str | None = None) -> None:
    """Write above the axes who made the data (left) and the title (right)."""
    maker, _, kind = (text or context.label).partition(" ")
    exp_text(maker, kind, ax=axes, loc=0, fontsize=11.5)
    axes.text(1, 1.015, context.title, transform=axes.transAxes, size=10, va="bottom", ha="right")


def label_panel(axes: Axes, text: str, height: float = 0.95) -> None:
    """Write the name of a sample into the right of a panel, at a height that the data leave free."""
    where = "top" if height > 0.5 else "bottom"
    axes.text(0.985, height, text, transform=axes.transAxes, ha="right", va=where, size=10, weight="bold")


def legend_above(figure: Figure, handles: list[Handle], labels: list[str], title: str) -> None:
    """Put a legend above all panels, where it covers no data, headed by what the data are."""
    columns = 2 if len(labels) > 1 else 1
    legend = figure.legend(handles, labels, loc="outside upper left", ncols=columns, title=title, alignment="left")
    legend.get_title().set(weight="bold", size=11.5)


def legend_below(figure: Figure, *panels: Axes) -> None:
    """Put one legend of all panels below them, references after models."""
    entries: dict[str, Handle] = {}
    for axes in panels:
        entries |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    ordered = sorted(entries, key=lambda label: label.startswith(REFERENCE_WORDS))
    figure.legend([entries[label] for label in ordered], ordered, loc="outside lower center", ncols=2)


def note(axes: Axes, text: str) -> None:
    """Write a sentence in the middle of axes that have nothing to show."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=REFERENCE_COLOUR, wrap=True)


def source_label(samples: pd.DataFrame | None, names: list[str] | None, context: Context) -> str:
    """Return what the drawn samples are, e.g. `prehep simulation · TrackML simulation`.

    Args:
        samples: columns sample, origin, or None.
        names: names of the samples drawn; None for all.
        context: says it where the table does not.
    """
    if samples is None:
        return context.label
    drawn = samples if names is None else samples[samples["sample"].isin(names)]
    origins = list(dict.fromkeys(drawn["origin"]))
    return " · ".join(ORIGINS[origin] for origin in origins) or context.label


def sample_titles(samples: pd.DataFrame | None) -> dict[str, str]:
    """Return the title of each sample, with who simulated it."""
    if samples is None:
        return {}
    titles = {}
    for row in samples.itertuples():
        origin = str(row.origin)
        known = origin.endswith("simulation") and "simulat" not in str(row.title).lower()
        titles[str(row.sample)] = f"{row.title} ({ORIGINS[origin]})" if known else str(row.title)
    return titles
