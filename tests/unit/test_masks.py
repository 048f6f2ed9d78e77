"""Which objects are hidden: rates, at least one, one left visible, and repeatability."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from prehep.objectives.masks import draw_mask


def real_objects(seed: int, events: int = 500) -> torch.Tensor:
    return torch.rand(events, 6, generator=torch.Generator().manual_seed(seed)) < 0.6


def draw(real: torch.Tensor, rate: float, seed: int, *, leave_one_visible: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return draw_mask(real, rate, generator, leave_one_visible=leave_one_visible)


@given(st.integers(0, 1000), st.floats(0.01, 1))
def test_at_least_one_real_object_is_hidden_and_no_padding(seed: int, rate: float) -> None:
    real = real_objects(seed)
    masked = draw(real, rate, seed)
    assert not (masked & ~real).any()
    assert torch.equal(masked.any(dim=1), real.any(dim=1))


@given(st.integers(0, 1000), st.floats(0.01, 1))
def test_one_object_stays_visible_and_lone_objects_are_not_hidden(seed: int, rate: float) -> None:
    real = real_objects(seed)
    masked = draw(real, rate, seed, leave_one_visible=True)
    hidden, objects = masked.sum(dim=1), real.sum(dim=1)
    assert (hidden < objects)[objects > 0].all()
    assert torch.equal(hidden >= 1, objects >= 2)
    assert (hidden[objects == 2] == 1).all()


def test_rate_is_that_asked_for() -> None:
    masked = draw(torch.ones(20_000, 6, dtype=torch.bool), 0.65, seed=3)
    expected = 0.65 + 0.35**6 / 6
    assert masked.float().mean().item() == pytest.approx(expected, abs=0.006)
    assert draw(torch.ones(10, 6, dtype=torch.bool), 1.0, seed=3).all()


def test_mask_is_a_function_of_the_seed() -> None:
    real = real_objects(0)
    assert torch.equal(draw(real, 0.5, 1), draw(real, 0.5, 1))
    assert not torch.equal(draw(real, 0.5, 1), draw(real, 0.5, 2))
