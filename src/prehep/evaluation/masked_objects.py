"""How well the properties of hidden objects are predicted, beside always guessing the commonest class.

The same objects are asked for twice: hidden, which is the task, and visible, where copying is enough. The guess knows
what the network is given: the kind of object, unless that is the question. It is made on the evaluated objects
themselves, so it is as good as a constant guess can be.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prehep.core.seeds import derive_seed
from prehep.objectives.masks import Prediction
from prehep.tokens.batches import TokenData
from prehep.tokens.event_features import TYPE_NAMES

INPUTS = {"masked": False, "visible": True}
CLASS_NAMES = {code: name.replace("_", " ") for code, name in enumerate(TYPE_NAMES, start=1)}
CLASS_NAMES |= {2: "b-jet", 4: "MET"}
BATCH = 1024


class EventObjective(Protocol):
    """What is asked of an objective on events: masked_type and masked_kinematics."""

    def corrupt(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Hide objects: adds `masked` (batch, slots)."""
        ...

    def predict(self, batch: dict[str, Tensor], *, visible: bool = False) -> dict[str, Prediction]:
        """Return predicted and true classes of each target."""
        ...


class AccuracyRow(NamedTuple):
    """One row of accuracy.csv: `input` masked or visible, `class` of object, and accuracies from 0 to 1."""

    input: str
    target: str
    object_class: str
    n: int
    accuracy: float
    majority: float

    def as_dict(self) -> dict[str, str | int | float]:
        """Return the row with the column names of accuracy.csv."""
        values = self._asdict()
        return {("class" if name == "object_class" else name): value for name, value in values.items()}


class Answers(NamedTuple):
    """Predictions for hidden objects, each (objects,): predicted class, true class, and the object's type."""

    predicted: NDArray[np.int64]
    target: NDArray[np.int64]
    types: NDArray[np.int64]


@torch.no_grad()
def collect_answers(
    objective: EventObjective,
    data: TokenData,
    indices: NDArray[np.int64],
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> dict[tuple[str, str], Answers]:
    """Hide objects of events as in training and ask the network for them, once hidden and once visible.

    Args:
        objective: a pretrained objective, in evaluation mode, on `device`.
        data: tokenised events.
        indices: the events to use.
        seed: of the masks.
        device: where to compute.

    Returns:
        Answers for each (input, target), input being masked or visible; only objects that have the target.
    """
    found: dict[tuple[str, str], list[Answers]] = {}
    for start in range(0, len(indices), BATCH):
        generator = torch.Generator().manual_seed(derive_seed(seed, "evaluation mask", start))
        batch = objective.corrupt(data.batch(indices[start : start + BATCH]), generator)
        batch = {name: values.to(device) for name, values in batch.items()}
        for label, visible in INPUTS.items():
            for target, prediction in objective.predict(batch, visible=visible).items():
                answers = _pick(prediction, batch)
                found.setdefault((label, target), []).append(answers)
    return {key: Answers(*map(np.concatenate, zip(*parts, strict=True))) for key, parts in found.items()}


def accuracy_rows(answers: Mapping[tuple[str, str], Answers]) -> list[AccuracyRow]:
    """Return the accuracy of each input and target, for all objects and for each class of object that occurs.

    Args:
        answers: as `collect_answers` returns them.
    """
    rows = []
    for (label, target), part in answers.items():
        right = part.predicted == part.target
        guess = majority_guess(part.target, np.zeros_like(part.types) if target == "type" else part.types)
        guessed = guess == part.target
        groups = {"all": np.ones(len(right), bool)}
        groups |= {name: part.types == code for code, name in CLASS_NAMES.items()}
        for name, chosen in groups.items():
            if chosen.any():
                accuracy, majority = float(right[chosen].mean()), float(guessed[chosen].mean())
                rows.append(AccuracyRow(label, target, name, int(chosen.sum()), accuracy, majority))
    return rows


def majority_guess(target: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each entry the commonest class among the entries of its group (the lowest of equals).

    Args:
        target: (entries,) classes, 0 or more.
        groups: (entries,) group of each entry.
    """
    guess = np.empty_like(target)
    for group in np.unique(groups):
        chosen = groups == group
        guess[chosen] = np.bincount(target[chosen]).argmax()
    return guess


def _pick(prediction: Prediction, batch: Mapping[str, Tensor]) -> Answers:
    asked = batch["masked"] & (prediction.target >= 0)
    return Answers(*(values[asked].cpu().numpy() for values in (*prediction, batch["types"])))
