"""Fit a classifier to few labels: whole tensors in memory, early stopping and selection on validation AUC."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.errors import TrainingError
from prehep.core.seeds import derive_seed
from prehep.tokens.event_symmetries import EventSymmetries
from prehep.tokens.labelled_sets import LabelledSplit
from prehep.training.device import seed_dropout
from prehep.training.optimisers import make_optimisers
from prehep.training.sampling import BatchOrder
from prehep.training.schedules import learning_rate_factor, set_learning_rate

EVALUATION_BATCH = 1024


def _ignore(_: int) -> None:
    """Do nothing: the default of those who watch no progress."""


@dataclass(frozen=True)
class EventTensors:
    """Labelled events on the device of the classifier.

    Attributes:
        features: (events, slots, features) float32.
        mask: (events, slots) bool, True = real object.
        labels: (events,) int64, 1 signal, 0 background.
        symmetries: draws turned and reflected copies of a batch; None = train on the events as they are.
    """

    features: Tensor
    mask: Tensor
    labels: Tensor
    symmetries: EventSymmetries | None = None


@dataclass(frozen=True)
class CurvePoint:
    """One validation: the step, the mean training loss since the one before, and the validation AUC."""

    step: int
    train_loss: float
    valid_auc: float


@dataclass(frozen=True)
class ClassifierFit:
    """The outcome of one fit: AUCs of the weights with the best validation AUC, their step, and the curve."""

    auc: float
    valid_auc: float
    steps: int
    curve: tuple[CurvePoint, ...]


def fit_classifier(
    classifier: nn.Module,
    events: EventTensors,
    split: LabelledSplit,
    settings: FinetuneSettings,
    learning_rate: float,
    seed: int,
    tick: Callable[[int], None] = _ignore,
) -> ClassifierFit:
    """Train on `split.train`, stop and select on `split.valid`, report the AUC on `split.test`.

    The classifier ends with the weights of the validation with the highest AUC (the first of equals), or with the
    last ones (`settings.keep`).

    Args:
        classifier: (features, mask) to logits (batch, 2), trained in place.
        events: all events; the split's indices point into them.
        split: events of the fit.
        settings: optimisation and stopping.
        learning_rate: highest learning rate.
        seed: seed of batches and dropout.
        tick: told the number of steps passed at each validation.

    Raises:
        TrainingError: the loss was infinite or not a number before the first validation.
    """
    optimisers = make_optimisers(classifier, settings.optimiser, learning_rate, settings.weight_decay)
    order = BatchOrder(split.train, settings.batch_size, seed)
    steps = steps_of(settings, len(split.train))
    curve: list[CurvePoint] = []
    best: tuple[CurvePoint, dict[str, Tensor]] | None = None
    losses: list[Tensor] = []
    for step in range(steps):
        set_learning_rate(optimisers, learning_rate * _factor(settings, step, steps))
        losses.append(_train_step(classifier, events, order(step), optimisers, derive_seed(seed, "step", step)))
        if (step + 1) % settings.validation_interval and step + 1 < steps:
            continue
        train_loss = float(torch.stack(losses).mean())
        if not math.isfinite(train_loss):
            break
        point = CurvePoint(step + 1, train_loss, auc(classifier, events, split.valid))
        curve.append(point)
        tick(len(losses))
        losses.clear()
        if best is None or settings.keep == "last" or point.valid_auc > best[0].valid_auc:
            best = point, {name: value.clone() for name, value in classifier.state_dict().items()}
        elif _out_of_patience(curve, best[0], settings.patience):
            break
    if best is None:
        raise TrainingError(
            f"the loss of the classifier is not finite within {settings.validation_interval} steps at learning rate "
            f"{learning_rate:g}; lower learning_rates."
        )
    classifier.load_state_dict(best[1])
    return ClassifierFit(auc(classifier, events, split.test), best[0].valid_auc, best[0].step, tuple(curve))


def auc(classifier: nn.Module, events: EventTensors, indices: NDArray[np.int64]) -> float:
    """Return the area under the ROC curve of the classifier on some events, in evaluation mode."""
    classifier.eval()
    chosen = torch.from_numpy(indices).to(events.labels.device)
    with torch.no_grad():
        logits = [
            classifier(events.features[part], events.mask[part]) for part in torch.split(chosen, EVALUATION_BATCH)
        ]
    scores = torch.cat(logits).float().diff(dim=1).squeeze(1)
    return float(roc_auc_score(events.labels[chosen].cpu().numpy(), scores.cpu().numpy()))


def _train_step(
    classifier: nn.Module,
    events: EventTensors,
    indices: NDArray[np.int64],
    optimisers: list[torch.optim.Optimizer],
    step_seed: int,
) -> Tensor:
    seed_dropout(step_seed, events.labels.device.type)
    classifier.train()
    chosen = torch.from_numpy(indices).to(events.labels.device)
    features, mask = events.features[chosen], events.mask[chosen]
    if events.symmetries is not None:
        features = events.symmetries(features, mask, torch.Generator().manual_seed(step_seed))
    loss = functional.cross_entropy(classifier(features, mask), events.labels[chosen])
    torch.autograd.backward(loss)
    for optimiser in optimisers:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return loss.detach()


def steps_of(settings: FinetuneSettings, labelled: int) -> int:
    """Return the longest training in steps, for a number of labelled events of both classes together."""
    if settings.epochs is None:
        return settings.steps
    return settings.epochs * max(1, labelled // settings.batch_size)


def _factor(settings: FinetuneSettings, step: int, steps: int) -> float:
    return learning_rate_factor(step, steps, settings.warmup_fraction, settings.schedule, settings.final_fraction)


def _out_of_patience(curve: list[CurvePoint], best: CurvePoint, patience: int | None) -> bool:
    return patience is not None and sum(point.step > best.step for point in curve) >= patience
