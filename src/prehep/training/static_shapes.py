"""Batches of one shape for CUDA graphs, which replay kernels on memory of a fixed size."""

from prehep.objectives.base import Batch, Objective

MARGIN = 1.25
MULTIPLE = 64


class StaticShapes:
    """Pads corrupted batches of equally many entries to the longest entry of all data.

    Places that a loss asks for are padded to a budget with a margin over the first batch, which grows where a batch
    exceeds it: the graph is then recorded again.

    Args:
        objective: knows what its batches hold.
        length: places of the longest entry of all data.
    """

    def __init__(self, objective: Objective, length: int) -> None:
        self.objective, self.length = objective, length
        self.budget = 0

    def __call__(self, batch: Batch) -> Batch:
        """Return a batch on the CPU with fixed shapes, of equal loss."""
        terms = self.objective.terms(batch)
        if terms > self.budget:
            self.budget = MULTIPLE * -int(-MARGIN * terms // MULTIPLE)
        return self.objective.static(batch, self.length, self.budget)
