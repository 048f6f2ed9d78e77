"""Which entries a step trains on, as a pure function of (seed, step): a resumed run needs no sampler state."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from prehep.core.seeds import random_stream


class BatchSource(Protocol):
    """Tokenised data, of which a training needs only whole batches by index, and how long they may be."""

    @property
    def longest(self) -> int:
        """Return the places of the longest entry."""
        ...

    def batch(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return the entries at these indices, stacked, on the CPU."""
        ...


class BatchOrder:
    """Batches without replacement: every epoch is a new permutation, its incomplete last batch is left out.

    Which entries are left out differs from epoch to epoch. Where there are fewer entries than one batch holds, each
    batch is all of them.
    """

    def __init__(self, entries: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.entries = entries
        self.batch_size = min(batch_size, len(entries))
        self.batches_per_epoch = len(entries) // self.batch_size
        self.seed = seed
        self._epoch = -1
        self._order = entries

    def __call__(self, step: int) -> NDArray[np.int64]:
        """Return the entries of one step, (batch,)."""
        epoch, position = divmod(step, self.batches_per_epoch)
        if epoch != self._epoch:
            self._order = epoch_order(self.entries, self.seed, epoch)
            self._epoch = epoch
        start = position * self.batch_size
        return self._order[start : start + self.batch_size]


def epoch_order(entries: NDArray[np.int64], seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the entries in the order in which one epoch visits them."""
    return random_stream(seed, "epoch", epoch).permutation(entries)


def draw_entries(entries: NDArray[np.int64], largest: int | None, purpose: str) -> NDArray[np.int64]:
    """Return at most `largest` of the entries, in their order; the same at every call with the same purpose.

    Larger draws contain the smaller ones, and every part of joined samples is represented.
    """
    if largest is None or largest >= len(entries):
        return entries
    return np.sort(random_stream(0, "draw", purpose).permutation(entries)[:largest])
