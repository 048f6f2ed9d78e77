"""Stage `plot_<figure>`: one figure as PNG, PDF and the CSV of its points."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from pydantic import Field

from prehep.core.errors import ConfigError
from prehep.core.manifest import Manifest, publish, read_manifest
from prehep.figures.registry import FigureEntry, find_figure, load_figure
from prehep.figures.style import PREHEP, Context, Tables, style
from prehep.stages.command import StageSpec
from prehep.stages.tables import has_payload, read_table, write_table

BESIDE = ("samples", "facts")
REFERENCE = "reference_"


class Spec(StageSpec):
    """One figure."""

    figure: str = Field(description="name in the registry of figures")
    tables: dict[str, Path] = Field(min_length=1, description="study and folder of aggregate_study")
    title: str = Field("", description="upper right corner")


def run(spec: Spec) -> Manifest:
    """Draw a figure from the tables of the studies that have them.

    Writes `<figure>.png` (at most 1,200 pixels wide), `<figure>.pdf` (without dates, so that equal input gives equal
    bytes) and `<figure>.csv`, the points drawn.

    Raises:
        ConfigError: the figure does not exist, or no study has the tables that it needs.
        CorruptPayloadError: a file differs from its manifest.
    """
    entry = find_figure(spec.figure)
    inputs = tuple(spec.tables.values())
    with publish(spec.output, spec, stage=f"plot_{spec.figure}", code=spec.code, inputs=inputs) as publication:
        tables = read_tables(spec.figure, entry, spec.tables)
        context = make_context(tables, spec.title)
        module = load_figure(spec.figure)
        with style():
            figure = module.draw(tables, context)
            figure.savefig(publication.payload(f"{spec.figure}.png"), metadata={"Software": None})
            figure.set_layout_engine("none")  # the layout of the PNG stands; computing it again doubles the time
            undated = {"CreationDate": None, "Creator": None, "Producer": None}
            figure.savefig(publication.payload(f"{spec.figure}.pdf"), metadata=undated)
        write_table(publication.payload(f"{spec.figure}.csv"), module.points(tables, context))
    return read_manifest(spec.output)


def read_tables(name: str, entry: FigureEntry, folders: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """Read what a figure needs, and what stands beside it, from every study that has it.

    Raises:
        ConfigError: no study has a table that the figure needs.
    """
    tables = {table: _joined(table, folders.values()) for table in (*entry.tables, *BESIDE)}
    missing = [table for table in entry.tables if tables[table] is None]
    if missing:
        raise ConfigError(
            f"figure {name} needs the tables {', '.join(missing)}, which {', '.join(folders)} lack; "
            "leave the figure out or name a study that makes them."
        )
    return {table: content for table, content in tables.items() if content is not None}


def _joined(table: str, folders: Iterable[Path]) -> pd.DataFrame | None:
    found = [read_table(folder, f"{table}.csv") for folder in folders if has_payload(folder, f"{table}.csv")]
    return pd.concat(found, ignore_index=True) if found else None


def make_context(tables: Tables, title: str = "") -> Context:
    """Return what the figure says about its data, read from the table of facts."""
    facts = tables.get("facts")
    values = {} if facts is None else dict(zip(facts["name"], facts["value"], strict=True))
    if "label_summary" in tables and not title:
        title = str(values.get("task_title", ""))
    references = {
        str(name).removeprefix(REFERENCE): float(value)
        for name, value in values.items()
        if str(name).startswith(REFERENCE)
    }
    return Context(origin=str(values.get("task_origin", PREHEP)), title=title, references=references)
