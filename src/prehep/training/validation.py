"""Validation losses with masks that are the same at every call."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from prehep.core.seeds import derive_seed
from prehep.objectives.base import Batch, Objective
from prehep.training.distribution import divided
from prehep.training.sampling import BatchSource

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LOSSES = ("loss", "loss_masked", "loss_all")


class Validation:
    """The validation of one training; every process computes its share of the batches.

    Args:
        objective: corrupts batches and counts terms.
        data: tokenised entries.
        entries: indices of the validation entries.
        batch_size: entries that are corrupted together.
        seed: of the masks.
        fabric: device, precision and other processes.
    """

    def __init__(
        self,
        objective: Objective,
        data: BatchSource,
        entries: NDArray[np.int64],
        batch_size: int,
        seed: int,
        fabric: "Fabric",
    ) -> None:
        self.objective, self.data, self.entries = objective, data, entries
        self.batch_size, self.seed, self.fabric = batch_size, seed, fabric

    @torch.no_grad()
    def __call__(self, module: nn.Module) -> dict[str, float]:
        """Return the means of the losses over all their terms, under `valid_` and their names.

        Args:
            module: the objective with the weights to validate; it ends in evaluation mode.
        """
        module.eval()
        rank, world_size = self.fabric.global_rank, self.fabric.world_size
        sums = torch.zeros(2, len(LOSSES), dtype=torch.float64, device=self.fabric.device)
        for start in range(rank * self.batch_size, len(self.entries), world_size * self.batch_size):
            sums += self._batch_sums(module, start)
        if world_size > 1:
            sums = self.fabric.all_reduce(sums, reduce_op="sum")
        losses, terms = sums.tolist()
        return {f"valid_{name}": losses[i] / max(1.0, terms[i]) for i, name in enumerate(LOSSES)}

    def _batch_sums(self, module: nn.Module, start: int) -> Tensor:
        """Return (2, losses): the sums of the terms of each loss over one batch, and their numbers."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "validation mask", start))
        batch = self.objective.corrupt(self.data.batch(self.entries[start : start + self.batch_size]), generator)
        return torch.stack([self._part_sums(module, part) for part in divided(self.objective, batch)]).sum(0)

    def _part_sums(self, module: nn.Module, part: Batch) -> Tensor:
        terms = self.objective.terms(part) if self.objective.additive else len(part["lengths"])
        with self.fabric.autocast():
            found = module(self.fabric.to_device(part))
        losses = torch.stack([found[name] for name in LOSSES]).double()
        numbers = losses.new_tensor([terms, found["n_masked"], found["n_all"]])
        return torch.stack([losses * numbers, numbers])
