"""One vector per event from the encoder of a classifier: anew at each call, or once where the encoder is frozen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prehep.models.classifier import Classifier
from prehep.tokens.event_symmetries import EventSymmetries

EVALUATION_BATCH = 1024


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

    def labels_of(self, indices: NDArray[np.int64]) -> Tensor:
        """Return the labels (batch,) of some events."""
        return self.labels[self._on_device(indices)]

    def batch(self, indices: NDArray[np.int64], symmetry_seed: int) -> tuple[Tensor, Tensor]:
        """Return features and mask of some events, turned and reflected by this seed."""
        chosen = self._on_device(indices)
        features, mask = self.features[chosen], self.mask[chosen]
        if self.symmetries is not None:
            features = self.symmetries(features, mask, torch.Generator().manual_seed(symmetry_seed))
        return features, mask

    def parts(self, indices: NDArray[np.int64]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield features and mask of some events as they are, a limited number at a time."""
        for part in torch.split(self._on_device(indices), EVALUATION_BATCH):
            yield self.features[part], self.mask[part]

    def _on_device(self, indices: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(indices).to(self.labels.device)


class EventVectors:
    """The vectors that a classifier's last layer reads.

    Args:
        classifier: whose encoder makes them.
        events: all events.
        frozen: sets of indices, needed where the encoder does not learn: vectors of these events are made at once.
    """

    def __init__(
        self, classifier: Classifier, events: EventTensors, frozen: Iterable[NDArray[np.int64]] | None = None
    ) -> None:
        self.classifier = classifier
        self.events = events
        self.known: NDArray[np.int64] | None = None
        if frozen is not None:
            known = np.unique(np.concatenate(list(frozen)))
            self.vectors = torch.cat(self.evaluated(known))
            self.known = known

    def training(self, indices: NDArray[np.int64], symmetry_seed: int) -> Tensor:
        """Return (batch, width), of turned and reflected copies where the events have symmetries."""
        if self.known is not None and self.events.symmetries is None:
            return self._kept(self.known, indices)
        features, mask = self.events.batch(indices, symmetry_seed)
        with torch.set_grad_enabled(self.known is None):
            return self.classifier.pool(features, mask)

    @torch.no_grad()
    def evaluated(self, indices: NDArray[np.int64]) -> list[Tensor]:
        """Return the vectors of the events as they are, in evaluation mode, as parts of (at most 1024, width)."""
        if self.known is not None:
            return [self._kept(self.known, indices)]
        self.classifier.eval()
        return [self.classifier.pool(features, mask) for features, mask in self.events.parts(indices)]

    def _kept(self, known: NDArray[np.int64], indices: NDArray[np.int64]) -> Tensor:
        return self.vectors[torch.from_numpy(np.searchsorted(known, indices)).to(self.vectors.device)]
