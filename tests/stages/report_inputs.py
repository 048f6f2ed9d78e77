"""Folders as upstream stages leave them, from the synthetic tables of tests/figures."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from prehep.core.manifest import publish
from prehep.core.settings import Settings
from prehep.figures.registry import FIGURES
from prehep.stages import plot_figure
from prehep.stages.tables import write_table

sys.path.insert(0, str(Path(__file__).parents[1] / "figures"))
import synthetic

EVENTS = (
    "label_efficiency",
    "label_summary",
    "label_comparison",
    "tuned_choices",
    "object_distributions",
    "masked_accuracy",
    "mixture",
)
TRACKS = ("mdm_accuracy", "mdm_distance")


class Nothing(Settings):
    """A specification without fields."""


def folder_of(folder: Path, files: Mapping[str, pd.DataFrame | dict[str, Any]], stage: str = "made_by_hand") -> Path:
    """Publish tables as CSV and dictionaries as JSON."""
    with publish(folder, Nothing(), stage=stage) as publication:
        for name, content in files.items():
            path = publication.payload(name)
            if isinstance(content, pd.DataFrame):
                write_table(path, content)
            else:
                path.write_text(json.dumps(content))
    return folder


def study_folders(root: Path) -> dict[str, Path]:
    """Return the folders of aggregate_study of both studies."""
    tables = synthetic.tables()
    samples, curves = tables["samples"], tables["training_curves"]
    is_track = samples["sample"].str.contains("track")
    parts = {
        "event_pretraining": (
            EVENTS,
            samples[~is_track & (samples["origin"] != "collisions")],
            synthetic.event_facts(),
        ),
        "tracking_bert": (TRACKS, samples[is_track], synthetic.track_facts()),
    }
    folders = {}
    for study, (names, own_samples, facts) in parts.items():
        files = {f"{name}.csv": tables[name] for name in names}
        files |= {"samples.csv": own_samples, "facts.csv": facts}
        files["training_curves.csv"] = curves[curves["study"] == study]
        folders[study] = folder_of(root / "runs" / study, files, "aggregate_study")
    return folders


def figure_spec(name: str, output: Path, tables: Mapping[str, Path], **fields: Any) -> plot_figure.Spec:
    """Return the specification of a figure as the workflow makes it."""
    entry = FIGURES[name]
    return plot_figure.Spec(
        output=output, figure=name, drawing=entry.module, needs=entry.tables, tables=dict(tables), **fields
    )
