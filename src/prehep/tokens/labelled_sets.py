"""Few labelled events for a downstream task: which events carry which label, and which are used for what.

Every model (networks and trees) draws its events with these functions, so all see the same labels.
"""

from dataclasses import dataclass

import numpy as np
import vector
from numpy.typing import NDArray

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.errors import ConfigError
from prehep.core.seeds import random_stream
from prehep.data.splits import TEST, TRAIN, VALID

SIGNAL, BACKGROUND, UNUSED = 1, 0, -1
LEPTON = 1
MUON_MASS_MIN = 0.05


@dataclass(frozen=True)
class LabelledSplit:
    """Indices of the events that fit, select and test one model; each array is (events,) int64."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def task_labels(
    task: ClassificationTask,
    kinematics: NDArray[np.float32],
    types: NDArray[np.int8],
    source: NDArray[np.integer],
) -> NDArray[np.int8]:
    """Label each event 1 (signal), 0 (background) or -1 (not used by the task).

    Args:
        task: what is told apart. `processes`: the first tokens folder is signal, the second background.
            `z_window`: the mass of the two leading muons, of opposite charge, lies inside the window or outside.
        kinematics: (events, slots, 5) pt in GeV, eta, phi in rad, mass in GeV, charge.
        types: (events, slots) type of each object, 1 = lepton, 0 = padding.
        source: (events,) index of the tokens folder an event comes from.

    Returns:
        (events,) int8 labels.
    """
    if task.kind == "processes":
        return np.where(source == 0, SIGNAL, BACKGROUND).astype(np.int8)
    mass = dimuon_mass(kinematics, types)
    used = (mass >= task.mass_range[0]) & (mass <= task.mass_range[1])
    inside = (mass >= task.window[0]) & (mass <= task.window[1])
    return np.where(used, np.where(inside, SIGNAL, BACKGROUND), UNUSED).astype(np.int8)


def dimuon_mass(kinematics: NDArray[np.float32], types: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the mass in GeV of the two muons of highest pt, NaN where there are fewer or their charges agree.

    Args:
        kinematics: (events, slots, 5) pt, eta, phi, mass, charge; muons are the leptons heavier than 0.05 GeV.
        types: (events, slots) type of each object.

    Returns:
        (events,) float64 masses.
    """
    muon = (types == LEPTON) & (kinematics[..., 3] > MUON_MASS_MIN)
    order = np.argsort(np.where(muon, -kinematics[..., 0], np.inf), axis=1, kind="stable")[:, :2]
    pair = np.take_along_axis(kinematics, order[..., None], axis=1).astype(np.float64)
    momenta = vector.array({name: pair[..., column] for column, name in enumerate(("pt", "eta", "phi", "mass"))})
    mass = np.asarray((momenta[:, 0] + momenta[:, 1]).mass)
    valid = (muon.sum(axis=1) >= 2) & (pair[:, 0, 4] * pair[:, 1, 4] < 0)
    return np.where(valid, mass, np.nan)


def labelled_split(
    labels: NDArray[np.int8], split: NDArray[np.uint8], n_labels: int, seed: int, task: ClassificationTask
) -> LabelledSplit:
    """Choose the events of one point of a label-efficiency curve.

    The first `n_labels` of each class after a permutation that depends on the seed train (so the sets of one seed
    are nested), as many of the validation split select, at most `validation_per_class_max`; the test set is the same
    for every point.

    Args:
        labels: (events,) labels of `task_labels`.
        split: (events,) 0 training, 1 validation, 2 test.
        n_labels: training labels per class.
        seed: seed of the choice.
        task: limits of validation and test sets.

    Returns:
        The indices, class by class.

    Raises:
        ConfigError: a class has fewer than `n_labels` training events, or none to validate or test on.
    """
    n_valid = min(n_labels, task.validation_per_class_max)
    return LabelledSplit(
        train=_draw(labels, split == TRAIN, n_labels, seed, "training", exact=True),
        valid=_draw(labels, split == VALID, n_valid, seed, "validation"),
        test=_draw(labels, split == TEST, task.test_per_class_max, 0, "test"),
    )


def _draw(
    labels: NDArray[np.int8],
    part: NDArray[np.bool_],
    per_class: int,
    seed: int,
    name: str,
    *,
    exact: bool = False,
) -> NDArray[np.int64]:
    drawn = []
    for label, title in ((BACKGROUND, "background"), (SIGNAL, "signal")):
        candidates = np.flatnonzero(part & (labels == label))
        wanted = per_class if exact else 1
        if len(candidates) < wanted:
            raise ConfigError(
                f"the {name} split holds {len(candidates)} {title} events, expected at least {wanted}; "
                "lower n_labels in the study's task or use more events."
            )
        drawn.append(random_stream(seed, "labels", name, label).permutation(candidates)[:per_class])
    return np.concatenate(drawn)
