"""Stage `aggregate_study`: the tables of one study, joined from its sweeps, evaluations and samples."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from prehep.core.config.studies import ClassificationTask
from prehep.core.config.tokens import EventTokenSettings
from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.evaluation.histograms import EventSample, dimuon_spectrum, object_distributions
from prehep.evaluation.label_efficiency import label_comparison, label_efficiency, label_summary, tuned_choices
from prehep.evaluation.mixture import mixture_table
from prehep.stages.command import StageSpec
from prehep.stages.tables import has_payload, read_table, write_table
from prehep.stages.train_baseline import TEST_SET

OF_EVERY_STUDY = ("training_curves", "samples", "facts")
"""Tables that both studies have; in the folder of a configuration's tables their names end in the study's name."""


class Spec(StageSpec):
    """One study."""

    study: str
    kind: Literal["events", "tracks"]
    scores: tuple[Path, ...] = Field((), description="folders of finetune_sweep and of trees")
    accuracies: tuple[Path, ...] = Field((), description="folders of evaluate_model and of the n-gram")
    runs: dict[str, Path] = Field(default_factory=dict, description="name and folder of each pretraining")
    samples: dict[str, Path] = Field(
        default_factory=dict, description="name and folder of tokens; the first is the data of the distributions"
    )
    sample_titles: dict[str, str] = Field(default_factory=dict, description="what the report calls the samples")
    sample_origins: dict[str, str] = Field(default_factory=dict, description="who made the samples")
    simulations: tuple[Path, ...] = Field((), description="folders of simulate_events: the mixture")
    task: ClassificationTask | None = None
    task_origin: str = Field("prehep_simulation", description="who made the test data of the task")
    tokens: EventTokenSettings | None = Field(None, description="selection of the events, quoted in captions")
    references: dict[str, float] = Field(
        default_factory=dict, description="published AUC of the same task: pretrained, scratch"
    )


def run(spec: Spec) -> Manifest:
    """Write the study's tables.

    Raises:
        CorruptPayloadError: a file differs from its manifest.
    """
    inputs = (*spec.scores, *spec.accuracies, *spec.runs.values(), *spec.samples.values(), *spec.simulations)
    with publish(
        spec.output, spec, stage="aggregate_study", code=spec.code, inputs=tuple(dict.fromkeys(inputs))
    ) as publication:
        tables = {"training_curves": _training_curves(spec), "samples": _samples(spec), "facts": _facts(spec)}
        tables |= _event_tables(spec) if spec.kind == "events" else _track_tables(spec)
        for name, table in tables.items():
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
            spec.sample_origins.get(name, "prehep_simulation"),
            len(np.load(load_payload(folder, "split.npy"), mmap_mode="r")),
            spec.sample_titles.get(name, name),
            folder.as_posix() in pretrained_on,
        )
        for name, folder in spec.samples.items()
    ]
    return pd.DataFrame(rows, columns=["sample", "origin", "events", "title", "pretrained_on"])


def _facts(spec: Spec) -> pd.DataFrame:
    """Return names and values that figures and report need beside the tables."""
    facts: dict[str, object] = {"kind": spec.kind}
    if spec.task is not None:
        facts |= {"task": spec.task.kind, "task_title": _task_title(spec.task), "task_origin": spec.task_origin}
    if spec.samples:
        facts["data_origin"] = spec.sample_origins.get(next(iter(spec.samples)), "prehep_simulation")
    if spec.tokens is not None:
        facts |= {"lepton_pt_min": f"{spec.tokens.lepton_pt_min:g}", "eta_max": f"{spec.tokens.eta_max:g}"}
    facts |= {f"reference_{name}": value for name, value in spec.references.items()}
    if spec.kind == "events" and spec.scores:
        facts |= dict(zip(("test_signal", "test_background"), _test_events(spec), strict=True))
    return pd.DataFrame([(name, str(value)) for name, value in facts.items()], columns=["name", "value"])


def _task_title(task: ClassificationTask) -> str:
    if task.kind == "z_window":
        low, high = task.window
        outer_low, outer_high = task.mass_range
        return f"dimuon mass in {low:g} to {high:g} GeV or else in {outer_low:g} to {outer_high:g} GeV"
    return f"{task.signal} against {task.background}".replace("_", " ")


def _event_tables(spec: Spec) -> dict[str, pd.DataFrame]:
    samples = {name: _event_sample(folder) for name, folder in spec.samples.items()}
    measured = {name: sample for name, sample in samples.items() if spec.sample_origins.get(name) == "collisions"}
    tables = {
        "object_distributions": object_distributions(samples),
        "dimuon_mass": dimuon_spectrum(measured),
        "masked_accuracy": _join(spec.accuracies, "accuracy.csv"),
        "mixture": mixture_table(
            [json.loads(load_payload(folder, "summary.json").read_text("utf-8")) for folder in spec.simulations]
        ),
    }
    if spec.scores:
        scores = [read_table(folder, "scores.csv") for folder in spec.scores]
        curves = [read_table(folder, "curves.csv") for folder in spec.scores if has_payload(folder, "curves.csv")]
        efficiency = label_efficiency(spec.study, scores)
        tables["label_efficiency"] = efficiency
        tables["label_summary"] = label_summary(efficiency)
        tables["label_comparison"] = label_comparison(efficiency, _test_events(spec))
        tables["tuned_choices"] = tuned_choices(scores, curves)
    return tables


def _event_sample(folder: Path) -> EventSample:
    names = ("kinematics.npy", "types.npy", "weights.npy")
    return EventSample(*(np.load(load_payload(folder, name), mmap_mode="r") for name in names))


def _test_events(spec: Spec) -> tuple[int, int]:
    """Return signal and background events of the common test set, as the trees recorded them."""
    for folder in spec.scores:
        if has_payload(folder, TEST_SET):
            counts = json.loads(load_payload(folder, TEST_SET).read_text("utf-8"))
            return counts["signal"], counts["background"]
    limit = spec.task.test_per_class_max if spec.task else 1
    return limit, limit


def _track_tables(spec: Spec) -> dict[str, pd.DataFrame]:
    return {
        "mdm_accuracy": _join(spec.accuracies, "accuracy.csv"),
        "mdm_distance": _join(spec.accuracies, "distance.csv"),
    }


def _join(folders: Iterable[Path], name: str) -> pd.DataFrame:
    tables = [read_table(folder, name) for folder in folders]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
