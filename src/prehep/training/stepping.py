"""One step of optimisation, the same for pretraining and fine-tuning: rate, clipping, update, average."""

from typing import Any

import torch
from torch import Tensor, nn, optim

from prehep.training.averaging import make_average
from prehep.training.optimisers import make_optimisers
from prehep.training.schedules import Schedule, set_learning_rate


class Stepper:
    """The optimisers of a module, their learning rates, and the moving average of the weights.

    Args:
        module: what is trained, already where it stays.
        optimiser: name of the optimiser, see `make_optimisers`.
        learning_rate: highest learning rate.
        weight_decay: see `make_optimisers`.
        schedule: factor on the learning rate at each step.
        clip: largest norm of the gradient; None = unlimited.
        ema_decay: of the moving average of the weights; None = no average.

    Attributes:
        optimisers: what holds the parameters; the key `factor` of a group multiplies its learning rate.
        stepped: what is stepped, by default the optimisers; Fabric puts its wrappers here.
        factor: on all learning rates; the guard lowers it.
        average: the moving average of the weights.
    """

    def __init__(
        self,
        module: nn.Module,
        optimiser: str,
        learning_rate: float,
        weight_decay: float,
        schedule: Schedule,
        *,
        clip: float | None = None,
        ema_decay: float | None = None,
    ) -> None:
        self.module, self.schedule, self.clip = module, schedule, clip
        self.highest = learning_rate
        self.optimisers = make_optimisers(module, optimiser, learning_rate, weight_decay)
        self.stepped: list[optim.Optimizer] = self.optimisers
        self.average = None if ema_decay is None else make_average(module, ema_decay)
        self.factor = 1.0

    def learning_rate(self, index: int) -> float:
        """Return the learning rate of one step."""
        return self.highest * self.schedule(index) * self.factor

    def step(self, index: int) -> Tensor | None:
        """Use up the gradients, and return their norm before clipping, a scalar; None where there is no limit.

        Args:
            index: of the step, from 0.
        """
        set_learning_rate(self.optimisers, self.learning_rate(index))
        norm = None
        if self.clip is not None:
            norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.clip)
        for optimiser in self.stepped:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update_parameters(self.module)
        return norm

    @property
    def result(self) -> nn.Module:
        """Return the module whose weights are validated and kept: the average where there is one."""
        if self.average is None:
            return self.module
        averaged: nn.Module = self.average.module
        return averaged

    def state_dict(self) -> dict[str, Any]:
        """Return the state of optimisers and average, not copied, and not the weights of the module."""
        return {
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "average": None if self.average is None else self.average.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state, whose tensors the optimisers take over."""
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        if self.average is not None:
            self.average.load_state_dict(state["average"])
