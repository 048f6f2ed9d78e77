"""Which objects of an event are hidden, and what a network says about them."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Prediction(NamedTuple):
    """Predicted and true class of each object: two integer tensors (batch, slots), truth -1 where there is none."""

    predicted: Tensor
    target: Tensor


def draw_mask(real: Tensor, rate: float, generator: torch.Generator, *, leave_one_visible: bool = False) -> Tensor:
    """Choose hidden objects: each real one with probability `rate`, and at least one per event.

    Args:
        real: (batch, slots) bool, on the CPU.
        rate: probability that an object is hidden.
        generator: source of the random numbers.
        leave_one_visible: keep one object of each event visible; an event of one object then hides none.

    Returns:
        (batch, slots) bool, false at padding.
    """
    draws = torch.rand(real.shape, generator=generator)
    lowest = draws.masked_fill(~real, 2.0)
    hidden = (lowest < rate) | (lowest == lowest.amin(dim=1, keepdim=True))
    if leave_one_visible:
        highest = draws.masked_fill(~real, -1.0)
        hidden &= highest != highest.amax(dim=1, keepdim=True)
    return hidden & real


def type_columns(info: dict[str, Any]) -> list[int]:
    """Return the indices of the one-hot type columns among the features; none where the type is no feature."""
    return [index for index, name in enumerate(info["columns"]) if name.startswith("type_")]
