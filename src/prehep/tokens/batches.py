"""What tokenised data offer to the training loop: a length, batches by index, and facts about themselves."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


class TokenData(Protocol):
    """Tokenised events or tracks that can be read by index, a whole batch at a time."""

    @property
    def info(self) -> dict[str, Any]:
        """Return JSON-ready facts that `Objective.build` needs, e.g. n_features, slots, vocabulary_size."""
        ...

    @property
    def split(self) -> NDArray[np.uint8]:
        """Return (entries,) uint8: 0 training, 1 validation, 2 test."""
        ...

    @property
    def longest(self) -> int:
        """Return the places of the longest entry."""
        ...

    def __len__(self) -> int:
        """Return the number of entries."""
        ...

    def batch(self, indices: NDArray[np.int64]) -> "dict[str, Tensor]":
        """Return the entries at these indices, stacked, on the CPU.

        `lengths` (batch,) int64 counts the real places of each entry. Every tensor of two or more dimensions has
        entries in dimension 0 and places in dimension 1, the real ones first, up to the longest of these entries.
        """
        ...
