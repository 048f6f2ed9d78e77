"""The one lazy map from the name of a figure to its module, the tables it reads and the paper's figure it follows.

A new figure is one module, one caption and one entry here; only the chosen module is imported. A module offers
`points(tables, context)`, the table of what is drawn, and `draw(tables, context)`, the matplotlib figure. The stage
that draws is told module and tables by the workflow and does not read this map: what is added here redraws nothing.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from prehep.core.errors import ConfigError
from prehep.core.lazy import load
from prehep.figures.captions import CAPTIONS, DATA_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure

    from prehep.figures.style import Context, Tables


class FigureModule(Protocol):
    """What a figure's module offers."""

    def points(self, tables: "Tables", context: "Context") -> "pd.DataFrame":
        """Return the table of what is drawn."""
        ...

    def draw(self, tables: "Tables", context: "Context") -> "Figure":
        """Return the figure."""
        ...


@dataclass(frozen=True)
class FigureEntry:
    """One figure.

    Attributes:
        module: name of its module.
        title: heading in the report.
        tables: payloads of aggregate_study that it needs, without `.csv`.
        paper: the figure it follows, paper A or B and its figure; empty for ours.
    """

    module: str
    title: str
    tables: tuple[str, ...]
    paper: str = ""


FIGURES = {
    "label_efficiency": FigureEntry(
        "prehep.figures.label_efficiency",
        "Labels needed, with and without pretraining",
        ("label_summary",),
        "A1, 2312.06909",
    ),
    "object_distributions": FigureEntry(
        "prehep.figures.object_distributions",
        "The objects in data and simulation",
        ("object_distributions",),
        "A4, 2312.06909",
    ),
    "dimuon_mass": FigureEntry("prehep.figures.dimuon_mass", "Dimuon mass", ("dimuon_mass",)),
    "mdm_accuracy": FigureEntry(
        "prehep.figures.mdm_accuracy", "Masked modules by position", ("mdm_accuracy",), "B2, 2402.10239"
    ),
    "module_distance": FigureEntry(
        "prehep.figures.module_distance",
        "Distance of the predicted module",
        ("mdm_distance", "mdm_accuracy"),
        "B1, 2402.10239",
    ),
    "input_visibility": FigureEntry(
        "prehep.figures.input_visibility", "Masked against visible input", ("mdm_accuracy",), "B7, 2402.10239"
    ),
    "training_curves": FigureEntry("prehep.figures.training_curves", "Training curves", ("training_curves",)),
}


def find_figure(name: str) -> FigureEntry:
    """Return the entry of a figure.

    Raises:
        ConfigError: no figure has this name.
    """
    if name not in FIGURES:
        raise ConfigError(f"figure {name!r} does not exist; choose one of {', '.join(FIGURES)}.")
    return FIGURES[name]


def load_figure(name: str) -> FigureModule:
    """Import and return the module of one figure.

    Raises:
        ConfigError: no figure has this name.
    """
    module: FigureModule = load(find_figure(name).module)
    return module


def caption(name: str, facts: "Mapping[str, str]") -> str:
    """Return what stands under a figure.

    Args:
        name: of the figure.
        facts: names and values that captions may quote; what is not known is shown as a question mark.
    """
    known = {"data": DATA_WORDS.get(facts.get("data_origin", ""), "data"), **facts}
    return CAPTIONS[name].format_map(defaultdict(lambda: "?", known))
