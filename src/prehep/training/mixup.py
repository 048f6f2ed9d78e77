"""Mixing the vectors of two events and the losses of both labels (manifold mixup: Verma et al. 1806.05236).

Events are sets of objects, which cannot be averaged one by one; the vectors of whole events can.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from prehep.core.seeds import random_stream


@dataclass(frozen=True)
class Mixture:
    """How the events of a batch are mixed: each keeps a `share` of itself, the rest comes from its `partner`.

    Attributes:
        share: 0 to 1, the same for the whole batch.
        partner: (batch,) int64, a permutation of the batch.
    """

    share: float
    partner: Tensor


def draw_mixture(alpha: float, batch: int, seed: int) -> Mixture:
    """Return a mixture whose share is drawn from Beta(alpha, alpha), a function of its arguments alone."""
    random = random_stream(seed, "mixup")
    share = float(random.beta(alpha, alpha))
    return Mixture(share, torch.from_numpy(random.permutation(batch)))


def mixed_loss(pooled: Tensor, labels: Tensor, classify: Callable[[Tensor], Tensor], mixture: Mixture) -> Tensor:
    """Return the cross entropy of mixed vectors, to both labels in their shares.

    Args:
        pooled: (batch, width), one vector per event.
        labels: (batch,) int64.
        classify: vectors to logits (batch, classes).
        mixture: share and partners.
    """
    share, partner = mixture.share, mixture.partner.to(labels.device)
    logits = classify(share * pooled + (1 - share) * pooled[partner])
    own, other = (functional.cross_entropy(logits, wanted) for wanted in (labels, labels[partner]))
    return share * own + (1 - share) * other
