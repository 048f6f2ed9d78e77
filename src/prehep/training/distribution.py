"""What one of several processes computes of a global batch, and with which weights the gradients add up.

All processes draw and corrupt the same batch, so that masks are those of a single process. Each keeps its rows and
cuts them into sub-batches. The gradient of the batch is the sum over the parts of all processes of
terms(part) / terms(batch) * gradient(part); the factor `world_size` undoes the mean over processes that is taken when
gradients are exchanged.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from prehep.objectives.base import Batch, Objective
from prehep.training.sub_batches import parts_of, split_batch, take


class WeightedPart(NamedTuple):
    """A part of a corrupted batch, and the weight of its loss in that of the whole batch."""

    batch: Batch
    weight: float


def rank_rows(entries: int, rank: int, world_size: int) -> Tensor:
    """Return the rows of a batch that belong to one process, as nearly equal shares as possible.

    Args:
        entries: in the batch.
        rank: of the process.
        world_size: number of processes.
    """
    return torch.tensor_split(torch.arange(entries), world_size)[rank]


def weighted_parts(
    objective: Objective, batch: Batch, rank: int = 0, world_size: int = 1, *, divide: bool = True
) -> list[WeightedPart]:
    """Return the parts of a corrupted batch that one process computes; their weights over all processes add up to 1.

    A process without rows computes the first with weight 0, because it must take part in the exchange of gradients.
    A loss that is no mean over entries is computed whole, by every process, with a weight of 1 / world_size.

    Args:
        objective: says how many terms a batch has, and whether it may be divided.
        batch: the whole batch.
        rank: of the process.
        world_size: number of processes.
        divide: cut the rows of a process into sub-batches; where shapes are fixed, that saves nothing.
    """
    if not objective.additive:
        return [WeightedPart(batch, 1 / world_size)]
    terms = max(1, objective.terms(batch))
    if world_size > 1:
        rows = rank_rows(len(batch["lengths"]), rank, world_size)
        if not len(rows):
            return [WeightedPart(take(batch, torch.tensor([0])), 0.0)]
        batch = take(batch, rows)
    parts = divided(objective, batch) if divide else [batch]
    return [WeightedPart(part, objective.terms(part) / terms) for part in parts]


def divided(objective: Objective, batch: Batch) -> list[Batch]:
    """Return the sub-batches that one process computes one after the other; one where the loss is no mean over entries.

    Args:
        objective: says whether a batch may be divided.
        batch: corrupted entries.
    """
    return split_batch(batch, parts_of(len(batch["lengths"]))) if objective.additive else [batch]
