"""A batch in parts of entries of similar length: little padding is computed, and the gradient stays that of the batch.

The loss of a batch is a mean over terms, so its gradient is the sum over the parts of
terms(part) / terms(batch) * gradient(part). Which entries a batch holds does not change, unlike with length buckets.
"""

import torch
from torch import Tensor

Batch = dict[str, Tensor]
ENTRIES_PER_PART = 256
MOST_PARTS = 8


def parts_of(batch_size: int) -> int:
    """Return the number of parts: more save padding, but matrices of few entries are slow (measured on a CPU)."""
    return max(1, min(2, 2 * batch_size // ENTRIES_PER_PART), min(MOST_PARTS, batch_size // ENTRIES_PER_PART))


def split_batch(batch: Batch, parts: int) -> list[Batch]:
    """Return the batch in parts of similar lengths, shortest first, each trimmed to its own longest entry.

    Args:
        batch: entries in dimension 0 of every tensor, places (left-aligned) in dimension 1 where there is one;
            `lengths` (batch,) counts the places.
        parts: number of parts, which differ by one entry at most; fewer where there are fewer entries.
    """
    lengths = batch["lengths"]
    parts = min(parts, len(lengths))
    if parts <= 1:
        return [trim(batch)]
    order = torch.argsort(lengths, stable=True)
    return [take(batch, rows) for rows in torch.tensor_split(order, parts)]


def take(batch: Batch, rows: Tensor) -> Batch:
    """Return some entries of a batch, trimmed to the longest of them.

    Args:
        batch: as for `split_batch`.
        rows: (entries,) int64.
    """
    return trim({name: values[rows] for name, values in batch.items()})


def trim(batch: Batch) -> Batch:
    """Return the batch without the places that no entry has; one is left where all are empty."""
    longest = max(1, int(batch["lengths"].max())) if len(batch["lengths"]) else 1
    return {name: values[:, :longest] if values.ndim > 1 else values for name, values in batch.items()}
