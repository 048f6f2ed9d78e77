"""What a self-supervised task offers to the training loop."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings

Batch = dict[str, Tensor]


class Objective(nn.Module, ABC):
    """A self-supervised task: an encoder, a head, how a batch is corrupted and what the loss is.

    A training step is `forward(corrupt(batch, generator))`: `corrupt` runs on the CPU with an explicit
    generator, so that the corruption is a function of (seed, step) alone; `forward` runs wherever the batch
    and the weights are.

    Attributes:
        encoder: the part that is kept for downstream tasks.
    """

    encoder: nn.Module

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
    def forward(self, batch: Batch) -> Batch:
        """Return scalars of a corrupted batch.

        `loss` is optimised. `loss_masked` and `loss_all` are reported: means over the hidden and over all
        targets, with the number of terms in `n_masked` and `n_all`, so that means over many batches are exact.
        A mean over no terms is 0 with n = 0. All three losses have a gradient, also where there are no terms.
        """


def mean_where(values: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Return two scalars: the mean of `values` where `chosen` is true (0 where none is) and how many are."""
    count = chosen.sum()
    return (values * chosen).sum() / count.clamp(min=1), count
