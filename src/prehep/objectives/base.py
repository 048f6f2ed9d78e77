"""What a self-supervised task offers to the training loop."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings

Batch = dict[str, Tensor]


class Objective(nn.Module, ABC):
    """A self-supervised task: an encoder, a head, how a batch is corrupted and what the loss is.

    A training step is `forward(corrupt(batch, generator))`: `corrupt` runs on the CPU with an explicit
    generator, so that the corruption is a function of (seed, step) alone; `forward` runs wherever the batch
    and the weights are.

    Dim 0 of every tensor of a batch is the entries. Tensors of two or more dimensions have places in dim 1, the real
    ones first; `lengths` (batch,) is how many.

    Attributes:
        encoder: the part that is kept for downstream tasks.
        additive: the loss is a mean over terms that each belong to one entry, so that a batch may be trained in
            parts weighted by `terms`. Contrastive and energy losses are not.
    """

    encoder: nn.Module
    additive: bool = True

    @classmethod
    @abstractmethod
    def build(cls, objective: ObjectiveSettings, model: ModelSettings, info: dict[str, Any]) -> "Objective":
        """Return the untrained task.

        Args:
            objective: settings of the task.
            model: settings of the encoder.
            info: what the data say about themselves (`TokenData.info`), JSON-ready.
        """

    @abstractmethod
    def corrupt(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with what `forward` needs: inputs with something hidden, and where it was."""

    @abstractmethod
    def terms(self, batch: Batch) -> int:
        """Return the number of terms in the mean `loss` of a corrupted batch on the CPU."""

    def static(self, batch: Batch, length: int, budget: int) -> Batch:
        """Return a corrupted batch with shapes that depend on the number of entries alone, for CUDA graphs.

        `forward` gives the same losses.

        Args:
            batch: as `corrupt` returns it, on the CPU.
            length: number of places; shorter batches are padded with 0.
            budget: number of places a loss on chosen places may ask for.
        """
        del budget
        return pad_places(batch, length)

    @abstractmethod
    def forward(self, batch: Batch) -> Batch:
        """Return scalars of a corrupted batch.

        `loss` is optimised. `loss_masked` and `loss_all` are reported: means over the hidden and over all
        targets, with the number of terms in `n_masked` and `n_all`, so that means over many batches are exact.
        A mean over no terms is 0 with n = 0. `loss` has a gradient, also where there are no terms.
        """


def mean_where(values: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Return two scalars: the mean of `values` where `chosen` is true (0 where none is) and how many are."""
    count = chosen.sum()
    return (values * chosen).sum() / count.clamp(min=1), count


def pad_places(batch: Batch, length: int) -> Batch:
    """Return the batch with its places (dim 1 of every tensor that has one) padded to `length` with 0.

    Raises:
        ValueError: the batch has more places.
    """
    padded = {}
    for name, values in batch.items():
        missing = length - values.shape[1] if values.ndim > 1 else 0
        if missing < 0:
            raise ValueError(f"{name} has {values.shape[1]} places, more than {length}")
        padded[name] = F.pad(values, (0, 0) * (values.ndim - 2) + (0, missing)) if missing else values
    return padded
