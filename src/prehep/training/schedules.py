"""Learning rates as pure functions of the step, so a resumed run needs no scheduler state."""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Schedule:
    """The factor on the learning rate at each step of a training; see `learning_rate_factor`."""

    steps: int
    warmup_fraction: float
    kind: str
    final_fraction: float

    def __call__(self, step: int) -> float:
        """Return the factor at one step, 0 to steps - 1."""
        return learning_rate_factor(step, self.steps, self.warmup_fraction, self.kind, self.final_fraction)


def learning_rate_factor(step: int, steps: int, warmup_fraction: float, schedule: str, final_fraction: float) -> float:
    """Return the factor on the learning rate at one step: linear warm-up, then constant or half a cosine.

    Args:
        step: 0 to steps - 1.
        steps: length of the training.
        warmup_fraction: part of the steps in which the factor climbs to 1; step 0 is already above 0.
        schedule: constant or cosine (Loshchilov and Hutter 1608.03983, eq. 5, one period).
        final_fraction: factor after the last step (cosine).
    """
    warmup = int(warmup_fraction * steps)
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    passed = (step - warmup) / max(1, steps - warmup)
    return final_fraction + (1 - final_fraction) * 0.5 * (1 + math.cos(math.pi * passed))


def set_learning_rate(optimisers: list[torch.optim.Optimizer], learning_rate: float) -> None:
    """Give every parameter group this learning rate, times its own `factor` where it has one."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * group.get("factor", 1.0)
