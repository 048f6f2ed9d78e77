"""One step of optimisation: rate, clipping, update, average."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from prehep.training.schedules import Schedule
from prehep.training.stepping import Stepper

SCHEDULE = Schedule(steps=4, warmup_fraction=0.5, kind="constant", final_fraction=0.0)


def stepper(module: nn.Module, **changes: Any) -> Stepper:
    return Stepper(
        module, **{"optimiser": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "schedule": SCHEDULE, **changes}
    )


def weight(value: float = 0.0) -> nn.Linear:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, value)
    return layer


def push(layer: nn.Linear, gradient: float) -> None:
    layer.weight.grad = torch.full((1, 1), gradient)


def test_rate_follows_schedule_factor_and_group() -> None:
    layer = weight()
    tool = stepper(layer)
    push(layer, 1.0)
    tool.step(0)
    assert layer.weight.item() == pytest.approx(-0.05)
    assert tool.learning_rate(1) == pytest.approx(0.1)
    tool.factor = 0.5
    assert tool.learning_rate(1) == pytest.approx(0.05)
    tool.optimisers[0].param_groups[0]["factor"] = 0.1
    push(layer, 0.0)
    tool.step(1)
    assert tool.optimisers[0].param_groups[0]["lr"] == pytest.approx(0.005)


def test_gradients_are_clipped_used_up_and_their_norm_is_told() -> None:
    layer = weight()
    tool = stepper(layer, clip=2.0)
    push(layer, -8.0)
    norm = tool.step(1)
    assert norm is not None
    assert norm.item() == pytest.approx(8.0)
    assert layer.weight.item() == pytest.approx(0.2, rel=1e-5)
    assert layer.weight.grad is None
    assert stepper(layer).step(0) is None


def test_average_has_known_values() -> None:
    layer = weight(1.0)
    tool = stepper(layer, ema_decay=0.75)
    assert tool.average is not None
    for value, expected in ((4.0, 4.0), (8.0, 5.0), (1.0, 4.0)):
        nn.init.constant_(layer.weight, value)
        push(layer, 0.0)
        tool.step(0)
        assert tool.average.module.weight.item() == pytest.approx(expected)
    assert tool.result is tool.average.module
    assert stepper(layer).result is layer


@pytest.mark.parametrize("optimiser", ["adamw", "sgd", "muon"])
def test_saved_state_continues_in_the_same_bits(optimiser: str) -> None:
    def steps(tool: Stepper, first: int, last: int) -> None:
        for index in range(first, last):
            torch.manual_seed(index)
            tool.module(torch.randn(5, 3)).square().sum().backward()
            tool.step(index)

    torch.manual_seed(1)
    whole = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    broken = copy.deepcopy(whole)
    steps(stepper(whole, optimiser=optimiser, clip=1.0, ema_decay=0.9), 0, 4)
    first = stepper(broken, optimiser=optimiser, clip=1.0, ema_decay=0.9)
    steps(first, 0, 2)
    second = stepper(broken, optimiser=optimiser, clip=1.0, ema_decay=0.9)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    steps(second, 2, 4)
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), broken.parameters(), strict=True))
