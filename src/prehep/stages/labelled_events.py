"""Read the tokens of a downstream task: folders concatenated, labels attached (shared by networks and trees)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.errors import ConfigError
from prehep.core.manifest import load_payload
from prehep.stages.dense_events import read_dense
from prehep.tokens.labelled_sets import task_labels

FOLDERS = {"processes": 2, "z_window": 1}


@dataclass(frozen=True)
class LabelledEvents:
    """Events of a task, in the order of the folders.

    Attributes:
        features: (events, slots, features) float32, what a network reads.
        types: (events, slots) int8, 0 = padding.
        kinematics: (events, slots, 5) float32 pt in GeV, eta, phi in rad, mass in GeV, charge.
        split: (events,) uint8, 0 training, 1 validation, 2 test.
        labels: (events,) int8, 1 signal, 0 background, -1 not used.
    """

    features: NDArray[np.float32]
    types: NDArray[np.int8]
    kinematics: NDArray[np.float32]
    split: NDArray[np.uint8]
    labels: NDArray[np.int8]


def read_labelled_events(folders: Sequence[Path], task: ClassificationTask) -> LabelledEvents:
    """Read and label the events of a task.

    Args:
        folders: outputs of tokenize_events; `processes`: signal then background, `z_window`: one.
        task: what is told apart.

    Raises:
        ConfigError: another number of folders than the task needs.
        CorruptPayloadError: a file differs from its manifest.
    """
    if len(folders) != FOLDERS[task.kind]:
        raise ConfigError(
            f"task {task.kind} needs {FOLDERS[task.kind]} tokens folders, found {len(folders)}; "
            "name the signal and the background dataset in the study's task."
        )
    splits = [np.load(load_payload(folder, "split.npy")) for folder in folders]
    source = np.repeat(np.arange(len(folders)), [len(split) for split in splits])
    samples = [read_dense(folder, ("features", "types", "kinematics")) for folder in folders]
    features, types, kinematics = (np.concatenate(parts) for parts in zip(*samples, strict=True))
    labels = task_labels(task, kinematics, types, source)
    return LabelledEvents(features, types, kinematics, np.concatenate(splits), labels)
