"""Stage `plot_<figure>`: one figure as PNG, PDF and the CSV of its points."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import Field

from prehep.core.errors import ConfigError
from prehep.core.lazy import Entry, load
from prehep.core.manifest import Manifest, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.core.stamp import make_stamp
from prehep.figures.style import PREHEP, Context, Tables, style
from prehep.stages.tables import has_payload, read_table, write_table

if TYPE_CHECKING:
    from prehep.figures.registry import FigureModule

BESIDE = ("samples", "facts")
REFERENCE = "reference_"


class Spec(StageSpec):
    """One figure."""

    figure: str = Field(description="name in the registry of figures")
    drawing: Entry = Field(description="module that draws it")
    needs: tuple[str, ...] = Field(description="tables that it cannot do without")
    tables: dict[str, Path] = Field(min_length=1, description="study and folder of aggregate_study")
    title: str = Field("", description="upper right corner")


def run(spec: Spec) -> Manifest:
    """Draw a figure from the tables of the studies that have them.

    Writes `<figure>.png` (at most 1,200 pixels wide) and `<figure>.pdf`, which carry the stamp of what they were made
    from and no dates, so that equal input gives equal bytes, and `<figure>.csv`, the points drawn, which carries none.

    Raises:
        ConfigError: the figure does not exist, or no study has the tables that it needs.
        CorruptPayloadError: a file differs from its manifest.
    """
    stage = f"plot_{spec.figure}"
    inputs = tuple(spec.tables.values())
    with publish(spec.output, spec, stage=stage, code=spec.code, inputs=inputs) as publication:
        tables = read_tables(spec.figure, spec.needs, spec.tables)
        context = make_context(tables, spec.title)
        module: FigureModule = load(spec.drawing)
        contents = {folder.as_posix(): read_manifest(folder).digest for folder in inputs}
        stamp = make_stamp(spec.figure, stage, spec=spec.definition(), code=spec.code, inputs=contents)
        with style():
            figure = module.draw(tables, context)
            figure.savefig(publication.payload(f"{spec.figure}.png"), metadata=stamp.png)
            figure.set_layout_engine("none")  # the layout of the PNG stands; computing it again doubles the time
            figure.savefig(publication.payload(f"{spec.figure}.pdf"), metadata=stamp.pdf)
        write_table(publication.payload(f"{spec.figure}.csv"), module.points(tables, context))
    return read_manifest(spec.output)


def read_tables(name: str, needs: Sequence[str], folders: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """Read what a figure needs, and what stands beside it, from every study that has it.

    Raises:
        ConfigError: no study has a table that the figure needs.
    """
    tables = {table: _joined(table, folders.values()) for table in (*needs, *BESIDE)}
    missing = [table for table in needs if tables[table] is None]
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
