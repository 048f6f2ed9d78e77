"""Stage `build_report`: one HTML page with every figure, table and verdict, readable without a network."""

import base64
import json
import os
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml
from pydantic import Field

from prehep.core.digests import digest_value, short
from prehep.core.manifest import VERSIONED, Manifest, load_payload, publish, read_manifest
from prehep.core.settings import Settings
from prehep.core.specification import StageSpec
from prehep.figures.registry import FIGURES, caption, find_figure
from prehep.figures.report_template import TEMPLATE
from prehep.stages.report_content import (
    ReportTable,
    Row,
    Section,
    data_tables,
    facts_of,
    final_losses,
    overview,
    source_sentences,
    study_section,
)
from prehep.stages.report_metrics import headline_metrics
from prehep.stages.tables import read_table

REPORT = "report.html"
METRICS = "metrics.json"
CURVES = "training_curves"
OF_EVERY_STUDY = (CURVES, "samples", "facts")
"""Tables that every study has; beside the report their names end in the study's name."""


class Source(Settings):
    """Where published files come from."""

    title: str
    year: str
    licence: str
    record: str


class Spec(StageSpec):
    """The report of one configuration."""

    config_name: str
    figures: dict[str, Path] = Field(description="figure and folder of plot_<figure>")
    tables: dict[str, Path] = Field(description="study and folder of aggregate_study")
    quality: dict[str, Path] = Field(default_factory=dict, description="dataset and folder of check_quality")
    sources: dict[str, Source] = Field(default_factory=dict, description="dataset of published files and its source")
    configuration: dict[str, Any] = Field(default_factory=dict, description="the configuration, shown and digested")


def run(spec: Spec) -> Manifest:
    """Write `report.html` and, beside it, every study's tables and the headline numbers.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
        ConfigError: a figure is not in the registry.
    """
    inputs = (*spec.figures.values(), *spec.tables.values(), *spec.quality.values())
    with publish(
        spec.output, spec, stage="build_report", code=spec.code, inputs=tuple(dict.fromkeys(inputs))
    ) as publication:
        publication.payload(REPORT).write_text(render(spec), encoding="utf-8")
        metrics = headline_metrics({study: _read_tables(folder) for study, folder in spec.tables.items()})
        publication.payload(METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        for study, folder in spec.tables.items():
            for name in _table_names(folder):
                target = publication.payload(_shown_as(name, study))
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(load_payload(folder, f"{name}.csv"), target)
    return read_manifest(spec.output)


def render(spec: Spec) -> str:
    """Return the page."""
    tables = {study: _read_tables(folder) for study, folder in spec.tables.items()}
    quality = {
        name: json.loads(load_payload(folder, "quality.json").read_text("utf-8"))
        for name, folder in spec.quality.items()
    }
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(TEMPLATE).render(
        name=spec.config_name,
        digest=short(digest_value(spec.configuration)),
        overview=overview(tables, list(spec.figures)),
        sections=_sections(spec, tables),
        sources=source_sentences(tables.values()),
        data_tables=data_tables(tables.values(), quality),
        provenance=[*_sources(spec), _folders(spec), _versions()],
        configuration=yaml.safe_dump(spec.configuration, sort_keys=False, allow_unicode=True),
    )


def _read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: read_table(folder, f"{name}.csv") for name in _table_names(folder)}


def _table_names(folder: Path) -> list[str]:
    return [name.removesuffix(".csv") for name in read_manifest(folder).payloads if name.endswith(".csv")]


def _shown_as(name: str, study: str) -> str:
    return f"tables/{name}_{study}.csv" if name in OF_EVERY_STUDY else f"tables/{name}.csv"


def _sections(spec: Spec, tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> list[Section]:
    """Return one section per study with its figures, and one for the training curves of all."""
    sections = [study_section(study, content) for study, content in tables.items()]
    for section, (study, content) in zip(sections, tables.items(), strict=True):
        section.figures = [
            _figure(spec, name, facts_of(content))
            for name in FIGURES
            if name in spec.figures and name != CURVES and content.keys() >= set(find_figure(name).tables)
        ]
        section.files = [{"name": name, "link": _shown_as(name, study)} for name in content]
    if CURVES in spec.figures:
        introduction = "How the pretraining runs went."
        losses = final_losses(tables.values())
        curves = _figure(spec, CURVES, {})
        sections.append(Section("training", "Training", introduction, "", tables=[losses], figures=[curves]))
    return sections


def _figure(spec: Spec, name: str, facts: Mapping[str, str]) -> dict[str, str]:
    folder, entry = spec.figures[name], find_figure(name)
    image = load_payload(folder, f"{name}.png").read_bytes()
    return {
        "name": name,
        "title": entry.title,
        "paper": entry.paper,
        "caption": caption(name, facts),
        "image": base64.b64encode(image).decode("ascii"),
        "folder": Path(os.path.relpath(folder, spec.output)).as_posix(),
    }


def _sources(spec: Spec) -> list[ReportTable]:
    rows = [
        Row((name, source.title, source.year, source.licence, source.record)) for name, source in spec.sources.items()
    ]
    heads = ("dataset", "title", "year", "licence", "record")
    return [ReportTable("Published data", heads, tuple(rows), (0, 1, 2, 3, 4))] if rows else []


def _folders(spec: Spec) -> ReportTable:
    folders = {**spec.tables, **spec.figures, **spec.quality}
    rows = []
    for name, folder in folders.items():
        manifest = read_manifest(folder)
        rows.append(Row((manifest.stage, name, folder.as_posix(), short(manifest.digest), short(manifest.code_digest))))
    return ReportTable(
        "Results shown here", ("stage", "name", "folder", "digest", "code"), tuple(rows), (0, 1, 2, 3, 4)
    )


def _versions() -> ReportTable:
    rows = []
    for package in VERSIONED:
        try:
            rows.append(Row((package, metadata.version(package))))
        except metadata.PackageNotFoundError:
            rows.append(Row((package, "not installed")))
    return ReportTable("Versions", ("package", "version"), tuple(rows), (0, 1))
