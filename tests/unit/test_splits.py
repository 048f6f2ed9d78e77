"""Splits: fractions, independence of order and of other events, known values on every platform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from prehep.data.identity import entry_identity, event_identity, mix
from prehep.data.splits import TEST, TRAIN, VALID, assign_split

IDENTITIES = arrays(np.uint64, st.integers(1, 200), elements=st.integers(0, 2**64 - 1))
MASK = 2**64 - 1


def splitmix64(value: int) -> int:
    """Slow reference in Python integers."""
    state = (value + 0x9E3779B97F4A7C15) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def test_first_output_of_splitmix64_with_seed_0() -> None:
    assert int(mix(np.array([0], np.uint64))[0]) == 0xE220A8397B1DCDAF


@given(IDENTITIES)
def test_mix_equals_the_reference(values: np.ndarray) -> None:
    assert mix(values).tolist() == [splitmix64(int(value)) for value in values]


@given(IDENTITIES, st.randoms(use_true_random=False))
def test_split_does_not_depend_on_order_or_other_events(values: np.ndarray, random) -> None:
    order = np.array(random.sample(range(len(values)), len(values)))
    whole = assign_split(values, 0.1, 0.2)
    assert np.array_equal(assign_split(values[order], 0.1, 0.2), whole[order])
    half = len(values) // 2
    assert np.array_equal(assign_split(values[:half], 0.1, 0.2), whole[:half])


@pytest.mark.parametrize(("valid", "test"), [(0.1, 0.2), (0.5, 0.25), (0.05, 0.05)])
def test_fractions(valid: float, test: float) -> None:
    size = 200_000
    identity = event_identity(np.full(size, 273150), np.arange(size) // 1000, np.arange(size))
    split = assign_split(identity, valid, test)
    for code, fraction in ((TRAIN, 1 - valid - test), (VALID, valid), (TEST, test)):
        sigma = np.sqrt(fraction * (1 - fraction) / size)
        assert abs((split == code).mean() - fraction) < 4 * sigma


@given(IDENTITIES, st.floats(0.01, 0.4), st.floats(0.01, 0.4))
def test_changing_the_validation_fraction_moves_no_test_event(values: np.ndarray, valid: float, other: float) -> None:
    first, second = assign_split(values, valid, 0.2), assign_split(values, other, 0.2)
    assert np.array_equal(first == TEST, second == TEST)


def test_identity_does_not_depend_on_the_integer_type_and_tells_neighbours_apart() -> None:
    run, lumi, event = np.array([1, 1, 1, 2]), np.array([1, 1, 2, 1]), np.array([1, 2, 1, 1])
    identity = event_identity(run, lumi, event)
    assert len(set(identity.tolist())) == 4
    small = event_identity(run.astype(np.uint32), lumi.astype(">u4"), event.astype(np.uint64))
    assert np.array_equal(identity, small)


def test_identity_has_a_fixed_value() -> None:
    found = event_identity(np.array([273158]), np.array([12]), np.array([1234567890]))
    reference = splitmix64(splitmix64(splitmix64(273158) ^ 12) ^ 1234567890)
    assert int(found[0]) == reference


def test_entry_identity_differs_between_files() -> None:
    first, second = entry_identity("0a" * 32, np.arange(1000)), entry_identity("0b" * 32, np.arange(1000))
    assert np.unique(np.concatenate([first, second])).size == 2000
    assert np.array_equal(entry_identity("0a" * 32, np.arange(500)), first[:500])
