"""The tables of a study of events (part of aggregate_study)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.event_tokens import EventTokenSettings
from prehep.core.manifest import load_payload
from prehep.core.settings import Settings
from prehep.evaluation.histograms import EventSample, dimuon_spectrum, object_distributions
from prehep.evaluation.label_efficiency import label_comparison, label_efficiency, label_summary, tuned_choices
from prehep.evaluation.mixture import mixture_table
from prehep.stages.dense_events import read_dense
from prehep.stages.payload_names import TEST_SET
from prehep.stages.tables import has_payload, join_tables, read_table

if TYPE_CHECKING:
    from prehep.stages.aggregate_study import Spec


class EventTables(Settings):
    """What a study of events has beside every study."""

    scores: tuple[Path, ...] = Field((), description="folders of finetune_sweep and of trees")
    simulations: tuple[Path, ...] = Field((), description="folders of simulate_events: the mixture")
    task: ClassificationTask
    task_origin: str = Field("prehep_simulation", description="who made the test data of the task")
    tokens: EventTokenSettings = Field(description="selection of the events, quoted in captions")
    references: dict[str, float] = Field(
        default_factory=dict, description="published AUC of the same task: pretrained, scratch"
    )

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders of scores and simulations."""
        return (*self.scores, *self.simulations)

    def facts(self, common: dict[str, object]) -> dict[str, object]:
        """Return task, selection, published values and the size of the common test set."""
        facts: dict[str, object] = {
            "task": self.task.kind,
            "task_title": _task_title(self.task),
            "task_origin": self.task_origin,
        }
        facts |= {**common, "lepton_pt_min": f"{self.tokens.lepton_pt_min:g}", "eta_max": f"{self.tokens.eta_max:g}"}
        facts |= {f"reference_{name}": value for name, value in self.references.items()}
        if self.scores:
            facts |= dict(zip(("test_signal", "test_background"), self._test_events(), strict=True))
        return facts

    def tables(self, spec: "Spec") -> dict[str, pd.DataFrame]:
        """Return distributions, accuracies, mixture and label efficiency.

        Raises:
            CorruptPayloadError: a file differs from its manifest.
        """
        samples = {name: _event_sample(folder) for name, folder in spec.samples.items()}
        measured = {name: sample for name, sample in samples.items() if spec.origin(name) == "collisions"}
        tables = {
            "object_distributions": object_distributions(samples),
            "dimuon_mass": dimuon_spectrum(measured),
            "masked_accuracy": join_tables(spec.accuracies, "accuracy.csv"),
            "mixture": mixture_table(
                [json.loads(load_payload(folder, "summary.json").read_text("utf-8")) for folder in self.simulations]
            ),
        }
        return {**tables, **self._label_tables(spec.study)} if self.scores else tables

    def _label_tables(self, study: str) -> dict[str, pd.DataFrame]:
        scores = [read_table(folder, "scores.csv") for folder in self.scores]
        curves = [read_table(folder, "curves.csv") for folder in self.scores if has_payload(folder, "curves.csv")]
        efficiency = label_efficiency(study, scores)
        return {
            "label_efficiency": efficiency,
            "label_summary": label_summary(efficiency),
            "label_comparison": label_comparison(efficiency, self._test_events()),
            "tuned_choices": tuned_choices(scores, curves),
        }

    def _test_events(self) -> tuple[int, int]:
        """Return signal and background events of the common test set, as the trees recorded them."""
        for folder in self.scores:
            if has_payload(folder, TEST_SET):
                counts = json.loads(load_payload(folder, TEST_SET).read_text("utf-8"))
                return counts["signal"], counts["background"]
        return self.task.test_per_class_max, self.task.test_per_class_max


def _task_title(task: ClassificationTask) -> str:
    if task.kind == "z_window":
        low, high = task.window
        outer_low, outer_high = task.mass_range
        return f"dimuon mass in {low:g} to {high:g} GeV or else in {outer_low:g} to {outer_high:g} GeV"
    return f"{task.signal} against {task.background}".replace("_", " ")


def _event_sample(folder: Path) -> EventSample:
    kinematics, types = read_dense(folder, ("kinematics", "types"))
    return EventSample(kinematics, types, np.load(load_payload(folder, "weights.npy")))
