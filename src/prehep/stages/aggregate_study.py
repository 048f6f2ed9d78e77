"""Stage `aggregate_study`: the tables of one study, joined from its sweeps, evaluations and samples."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from prehep.core.lazy import Entry, load
from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.stages.tables import read_table, write_table


class StudyTables(Protocol):
    """Settings of one kind of study, and the tables that only this kind has."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders that it reads beside those of every study."""
        ...

    def facts(self, common: dict[str, object]) -> dict[str, object]:
        """Return the facts of the study with those of every study among them."""
        ...

    def tables(self, spec: "Spec") -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        ...


class Spec(StageSpec):
    """One study."""

    study: str
    kind: str = Field(description="what the study is about: events, tracks")
    part: Entry = Field(description="class of the tables of this kind")
    settings: dict[str, Any] = Field(default_factory=dict, description="fields of that class")
    accuracies: tuple[Path, ...] = Field((), description="folders of evaluate_model and of the n-gram")
    runs: dict[str, Path] = Field(default_factory=dict, description="name and folder of each pretraining")
    samples: dict[str, Path] = Field(
        default_factory=dict, description="name and folder of tokens; the first is the data of the distributions"
    )
    sample_titles: dict[str, str] = Field(default_factory=dict, description="what the report calls the samples")
    sample_origins: dict[str, str] = Field(default_factory=dict, description="who made the samples")

    @model_validator(mode="after")
    def _settings_fit(self) -> "Spec":
        self.study_tables()
        return self

    def study_tables(self) -> StudyTables:
        """Return the part with its settings."""
        part: StudyTables = load(self.part).model_validate(self.settings)
        return part

    def origin(self, sample: str) -> str:
        """Return who made a sample."""
        return self.sample_origins.get(sample, "prehep_simulation")


def run(spec: Spec) -> Manifest:
    """Write the study's tables.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
    """
    part = spec.study_tables()
    inputs = (*part.folders, *spec.accuracies, *spec.runs.values(), *spec.samples.values())
    with publish(
        spec.output, spec, stage="aggregate_study", code=spec.code, inputs=tuple(dict.fromkeys(inputs))
    ) as publication:
        tables = {"training_curves": _training_curves(spec), "samples": _samples(spec), "facts": _facts(spec, part)}
        for name, table in {**tables, **part.tables(spec)}.items():
            write_table(publication.payload(f"{name}.csv"), table)
    return read_manifest(spec.output)


def _training_curves(spec: Spec) -> pd.DataFrame:
    curves = [
        read_table(folder, "history.csv").assign(study=spec.study, run=name) for name, folder in spec.runs.items()
    ]
    if not curves:
        return pd.DataFrame(columns=["study", "run", "step", "train_loss", "valid_loss"])
    joined = pd.concat(curves, ignore_index=True)
    leading = ["study", "run", "step"]
    return joined[leading + [column for column in joined.columns if column not in leading]]


def _samples(spec: Spec) -> pd.DataFrame:
    pretrained_on = {folder for run in spec.runs.values() for folder in read_manifest(run).inputs}
    rows = [
        (
            name,
            spec.origin(name),
            len(np.load(load_payload(folder, "split.npy"), mmap_mode="r")),
            spec.sample_titles.get(name, name),
            folder.as_posix() in pretrained_on,
        )
        for name, folder in spec.samples.items()
    ]
    return pd.DataFrame(rows, columns=["sample", "origin", "events", "title", "pretrained_on"])


def _facts(spec: Spec, part: StudyTables) -> pd.DataFrame:
    """Return names and values that figures and report need beside the tables."""
    common: dict[str, object] = {"data_origin": spec.origin(next(iter(spec.samples)))} if spec.samples else {}
    facts = {"kind": spec.kind, **part.facts(common)}
    return pd.DataFrame([(name, str(value)) for name, value in facts.items()], columns=["name", "value"])
