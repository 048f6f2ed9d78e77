"""Boosted trees on the downstream task (part of train_baseline)."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.trees import TreeSettings
from prehep.core.logging import progress
from prehep.core.manifest import Publication
from prehep.core.settings import Settings
from prehep.evaluation.trees import Table, tree_sweep
from prehep.stages.labelled_events import LabelledEvents, read_labelled_events
from prehep.stages.payload_names import TEST_SET
from prehep.stages.tables import write_table
from prehep.tokens.labelled_sets import labelled_split


class Trees(Settings):
    """What is told apart, and how the trees are tuned; a subclass says from what."""

    task: ClassificationTask
    trees: TreeSettings

    @property
    def folders(self) -> tuple[Path, ...]:
        """Trees read nothing but the tokens that they are trained on."""
        return ()

    @abstractmethod
    def features_of(self, events: LabelledEvents) -> Table:
        """Return (events, features), NaN where something is absent."""

    def train(self, model: str, tokens: Sequence[Path], publication: Publication) -> None:
        """Write `scores.csv` and `test_set.json`.

        Raises:
            ConfigError: the task has too few events.
            CorruptPayloadError: a file differs from its manifest.
        """
        task = self.task
        events = read_labelled_events(tokens, task)
        features = self.features_of(events)
        with progress(model, len(task.n_labels) * len(task.seeds)) as counter:
            scores = tree_sweep(
                features, events.labels, events.split, model=model, task=task, settings=self.trees, counter=counter
            )
        write_table(publication.payload("scores.csv"), scores)
        test = labelled_split(events.labels, events.split, min(task.n_labels), task.seeds[0], task).test
        counts = {"signal": int((events.labels[test] == 1).sum()), "background": int((events.labels[test] == 0).sum())}
        publication.payload(TEST_SET).write_text(json.dumps(counts) + "\n", encoding="utf-8")
