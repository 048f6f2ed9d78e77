"""Stage `train_baseline`: the opponents that are no neural networks, boosted trees and the n-gram."""

import json
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from prehep.core.config.studies import ClassificationTask, TreeSettings
from prehep.core.logging import logger, progress
from prehep.core.manifest import Manifest, Publication, publish, read_manifest
from prehep.data.splits import TRAIN, VALID
from prehep.evaluation.engineered_features import engineered_features, flat_features
from prehep.evaluation.ngram import NGram
from prehep.evaluation.trees import Table, tree_sweep
from prehep.stages.command import StageSpec
from prehep.stages.labelled_events import LabelledEvents, read_labelled_events
from prehep.stages.tables import write_table
from prehep.stages.track_evaluation import ENTRIES_MAX, evaluate_on_samples
from prehep.stages.track_tokens import read_track_data
from prehep.tokens.labelled_sets import labelled_split
from prehep.tokens.track_data import TrackData

TEST_SET = "test_set.json"


class Spec(StageSpec):
    """One baseline."""

    model: str = Field(description="name in the tables")
    kind: Literal["trees", "ngram"]
    tokens: tuple[Path, ...] = Field(min_length=1, description="folders of tokens to train on")
    task: ClassificationTask | None = Field(None, description="trees: what is told apart")
    trees: TreeSettings | None = Field(None, description="trees: features and grid")
    evaluation: dict[str, Path] = Field(default_factory=dict, description="ngram: sample name and folder of tokens")
    whole: tuple[str, ...] = Field((), description="ngram: samples of which every track is used, not the test split")
    entries_max: int = Field(ENTRIES_MAX, gt=0, description="ngram: tracks per sample at most")

    @model_validator(mode="after")
    def _complete(self) -> "Spec":
        if self.kind == "trees" and (self.task is None or self.trees is None):
            raise ValueError("trees need a task and tree settings")
        if self.kind == "ngram" and not self.evaluation:
            raise ValueError("an n-gram needs at least one sample in evaluation")
        return self


def run(spec: Spec) -> Manifest:
    """Write `scores.csv` and `test_set.json` for trees, `accuracy.csv` and `distance.csv` for an n-gram.

    Raises:
        ConfigError: the task has too few events.
        FormatError: samples of tracks have different vocabularies.
        CorruptPayloadError: a file differs from its manifest.
    """
    inputs = tuple(dict.fromkeys((*spec.tokens, *spec.evaluation.values())))
    with publish(spec.output, spec, stage="train_baseline", code=spec.code, inputs=inputs) as publication:
        if spec.task is not None and spec.trees is not None and spec.kind == "trees":
            _trees(spec, spec.task, spec.trees, publication)
        else:
            _ngram(spec, publication)
    return read_manifest(spec.output)


def _trees(spec: Spec, task: ClassificationTask, settings: TreeSettings, publication: Publication) -> None:
    events = read_labelled_events(spec.tokens, task)
    features = _tree_features(events, task, settings)
    with progress(spec.model, len(task.n_labels) * len(task.seeds)) as counter:
        scores = tree_sweep(
            features, events.labels, events.split, model=spec.model, task=task, settings=settings, counter=counter
        )
    write_table(publication.payload("scores.csv"), scores)
    test = labelled_split(events.labels, events.split, min(task.n_labels), task.seeds[0], task).test
    counts = {"signal": int((events.labels[test] == 1).sum()), "background": int((events.labels[test] == 0).sum())}
    publication.payload(TEST_SET).write_text(json.dumps(counts) + "\n", encoding="utf-8")


def _tree_features(events: LabelledEvents, task: ClassificationTask, settings: TreeSettings) -> Table:
    if settings.features == "flat":
        return flat_features(events.features, events.types)
    features, names = engineered_features(events.kinematics, events.types, masses=task.masses_as_features)
    logger.info("%d engineered quantities: %s", len(names), ", ".join(names))
    return features


def _ngram(spec: Spec, publication: Publication) -> None:
    parts = [read_track_data(folder) for folder in spec.tokens]
    data = TrackData.join(parts, [folder.as_posix() for folder in spec.tokens])
    train, valid = (np.flatnonzero(data.split == part) for part in (TRAIN, VALID))
    model = NGram().fit(data, train, valid)
    accuracy, distance = evaluate_on_samples(
        model.predict,
        data.vocabulary,
        spec.evaluation,
        model=spec.model,
        whole=spec.whole,
        entries_max=spec.entries_max,
        inputs=("masked",),
    )
    write_table(publication.payload("accuracy.csv"), accuracy)
    write_table(publication.payload("distance.csv"), distance)
