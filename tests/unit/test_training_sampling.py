"""Batch order, learning-rate schedule: pure functions of the step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prehep.training.sampling import BatchOrder, draw_entries, epoch_order
from prehep.training.schedules import learning_rate_factor


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 100))
def test_an_epoch_visits_no_entry_twice(entries: int, batch_size: int, seed: int) -> None:
    order = BatchOrder(np.arange(entries) + 7, batch_size, seed)
    epoch = np.concatenate([order(step) for step in range(order.batches_per_epoch)])
    assert len(set(epoch)) == len(epoch)
    assert set(epoch) <= set(range(7, entries + 7))
    assert len(epoch) > entries - batch_size


def test_batches_do_not_depend_on_the_steps_before() -> None:
    entries = np.arange(100)
    straight = BatchOrder(entries, 16, seed=3)
    visited = [straight(step) for step in range(20)]
    for step in (19, 4, 11):
        np.testing.assert_array_equal(BatchOrder(entries, 16, seed=3)(step), visited[step])


def test_epochs_and_seeds_differ() -> None:
    entries = np.arange(100)
    assert (epoch_order(entries, 1, 0) != epoch_order(entries, 1, 1)).any()
    assert (epoch_order(entries, 1, 0) != epoch_order(entries, 2, 0)).any()


def test_fewer_entries_than_a_batch_give_all_of_them() -> None:
    order = BatchOrder(np.arange(5), 128, seed=1)
    assert sorted(order(3)) == [0, 1, 2, 3, 4]


def test_smaller_draws_are_part_of_larger_ones_and_repeat() -> None:
    entries = np.arange(1_000)
    small, large = draw_entries(entries, 50, "a"), draw_entries(entries, 100, "a")
    assert set(small) < set(large)
    np.testing.assert_array_equal(small, draw_entries(entries, 50, "a"))
    assert (small != draw_entries(entries, 50, "b")).any()
    np.testing.assert_array_equal(draw_entries(entries, None, "a"), entries)


@pytest.mark.parametrize(
    ("step", "schedule", "expected"),
    [
        (0, "cosine", 0.1),
        (9, "cosine", 1.0),
        (10, "cosine", 1.0),
        (55, "cosine", 0.55),
        (100, "cosine", 0.1),
        (4, "constant", 0.5),
        (99, "constant", 1.0),
    ],
)
def test_factor_has_known_values(step: int, schedule: str, expected: float) -> None:
    assert learning_rate_factor(step, 100, 0.1, schedule, 0.1) == pytest.approx(expected)


@given(st.integers(1, 500), st.floats(0, 0.9), st.floats(0, 1))
def test_factor_stays_between_zero_and_one(steps: int, warmup: float, final: float) -> None:
    factors = [learning_rate_factor(step, steps, warmup, "cosine", final) for step in range(steps)]
    assert all(0 < factor <= 1 + 1e-12 for factor in factors if final > 0)
    assert all(0 <= factor <= 1 + 1e-12 for factor in factors)
