"""Fit a classifier to few labels: whole tensors in memory, early stopping and selection on validation AUC."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn import functional

from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.errors import TrainingError
from prehep.core.seeds import derive_seed
from prehep.models.classifier import Classifier
from prehep.training.device import seed_dropout
from prehep.training.event_vectors import EventTensors, EventVectors
from prehep.training.freezing import freeze, is_frozen, rate_factors, scale_rates, train_mode
from prehep.training.mixup import draw_mixture, mixed_loss
from prehep.training.sampling import BatchOrder
from prehep.training.schedules import Schedule
from prehep.training.stepping import Stepper

if TYPE_CHECKING:
    from prehep.tokens.labelled_sets import LabelledSplit


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


class ClassifierTrainer:
    """The steps of one fit: batches, symmetries, mixtures and dropout are functions of (seed, step) alone.

    Args:
        classifier: trained in place.
        events: all events; the split's indices point into them.
        split: events of the fit.
        settings: optimisation.
        learning_rate: highest learning rate.
        seed: seed of batches, symmetries, mixtures and dropout.
    """

    def __init__(
        self,
        classifier: Classifier,
        events: EventTensors,
        split: "LabelledSplit",
        settings: FinetuneSettings,
        learning_rate: float,
        seed: int,
    ) -> None:
        freeze(classifier, settings)
        self.classifier, self.settings, self.seed = classifier, settings, seed
        known = (split.train, split.valid, split.test) if is_frozen(settings) else None
        self.vectors = EventVectors(classifier, events, known)
        self.order = BatchOrder(split.train, settings.batch_size, seed)
        self.steps = steps_of(settings, len(split.train))
        schedule = Schedule(self.steps, settings.warmup_fraction, settings.schedule, settings.final_fraction)
        self.stepper = Stepper(
            classifier,
            settings.optimiser,
            learning_rate,
            settings.weight_decay,
            schedule,
            clip=settings.gradient_clip,
        )
        scale_rates(self.stepper.optimisers, rate_factors(classifier, settings))

    def train_step(self, step: int) -> Tensor:
        """Do one optimisation step; return its loss."""
        seed = derive_seed(self.seed, "step", step)
        seed_dropout(seed, self.vectors.events.labels.device.type)
        train_mode(self.classifier, self.settings)
        loss = self._loss(self.order(step), seed)
        torch.autograd.backward(loss)
        self.stepper.step(step)
        return loss.detach()

    def auc(self, indices: NDArray[np.int64]) -> float:
        """Return the area under the ROC curve on some events."""
        return auc(self.classifier, self.vectors, indices)

    def _loss(self, indices: NDArray[np.int64], seed: int) -> Tensor:
        pooled = self.vectors.training(indices, seed)
        labels, classify = self.vectors.events.labels_of(indices), self.classifier.classify
        if not self.settings.mixup:
            return functional.cross_entropy(classify(pooled), labels)
        return mixed_loss(pooled, labels, classify, draw_mixture(self.settings.mixup, len(indices), seed))


def fit_classifier(
    classifier: Classifier,
    events: EventTensors,
    split: "LabelledSplit",
    settings: FinetuneSettings,
    learning_rate: float,
    seed: int,
) -> ClassifierFit:
    """Train on `split.train`, stop and select on `split.valid`, report the AUC on `split.test`.

    The classifier ends with the weights of the validation with the highest AUC (the first of equals), or with the
    last ones (`settings.keep`).

    Args:
        classifier: trained in place.
        events: all events; the split's indices point into them.
        split: events of the fit.
        settings: optimisation, what learns, regularisation and stopping.
        learning_rate: highest learning rate.
        seed: seed of batches, symmetries, mixtures and dropout.

    Raises:
        TrainingError: the loss, or a score, was infinite or not a number at the first validation.
    """
    trainer = ClassifierTrainer(classifier, events, split, settings, learning_rate, seed)
    curve: list[CurvePoint] = []
    best: tuple[CurvePoint, dict[str, Tensor]] | None = None
    losses: list[Tensor] = []
    for step in range(trainer.steps):
        losses.append(trainer.train_step(step))
        if (step + 1) % settings.validation_interval and step + 1 < trainer.steps:
            continue
        train_loss = float(torch.stack(losses).mean())
        valid_auc = trainer.auc(split.valid)
        if not (math.isfinite(train_loss) and math.isfinite(valid_auc)):
            break
        losses.clear()
        point = CurvePoint(step + 1, train_loss, valid_auc)
        curve.append(point)
        if best is None or settings.keep == "last" or point.valid_auc > best[0].valid_auc:
            best = point, {name: value.clone() for name, value in classifier.state_dict().items()}
        elif _out_of_patience(curve, best[0], settings.patience):
            break
    if best is None:
        raise TrainingError(
            f"the loss or the scores of the classifier are not finite within {settings.validation_interval} steps at "
            f"learning rate {learning_rate:g}; lower learning_rates."
        )
    classifier.load_state_dict(best[1])
    return ClassifierFit(trainer.auc(split.test), best[0].valid_auc, best[0].step, tuple(curve))


def auc(classifier: Classifier, vectors: EventVectors, indices: NDArray[np.int64]) -> float:
    """Return the area under the ROC curve of the classifier on some events, in evaluation mode.

    It is not a number where a score is none.
    """
    classifier.eval()
    with torch.no_grad():
        logits = torch.cat([classifier.classify(part) for part in vectors.evaluated(indices)])
    scores = logits.float().diff(dim=1).squeeze(1)
    if not torch.isfinite(scores).all():
        return math.nan
    return float(roc_auc_score(vectors.events.labels_of(indices).cpu().numpy(), scores.cpu().numpy()))


def steps_of(settings: FinetuneSettings, labelled: int) -> int:
    """Return the longest training in steps, for a number of labelled events of both classes together."""
    if settings.epochs is None:
        return settings.steps
    return settings.epochs * max(1, labelled // settings.batch_size)


def _out_of_patience(curve: list[CurvePoint], best: CurvePoint, patience: int | None) -> bool:
    return patience is not None and sum(point.step > best.step for point in curve) >= patience
