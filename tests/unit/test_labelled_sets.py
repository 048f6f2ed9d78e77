"""Labelled sets: known masses, nested and balanced choices, parts that never overlap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.errors import ConfigError
from prehep.data.splits import TEST, TRAIN, VALID
from prehep.tokens.labelled_sets import dimuon_mass, labelled_split, task_labels

MUON = 0.1057


def pair(pt: float, charges: tuple[int, int] = (1, -1), mass: float = MUON) -> list[list[float]]:
    """Two back-to-back objects at eta 0: their mass is 2 sqrt(pt² + m²)."""
    return [[pt, 0.0, 0.0, mass, charges[0]], [pt, 0.0, np.pi, mass, charges[1]]]


def arrays(*events: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    kinematics = np.array(events, np.float32)
    return kinematics, (kinematics[..., 0] > 0).astype(np.int8)


def test_mass_of_two_back_to_back_muons() -> None:
    kinematics, types = arrays(pair(45.0), pair(30.0))
    expected = 2 * np.sqrt(np.array([45.0, 30.0]) ** 2 + MUON**2)
    np.testing.assert_allclose(dimuon_mass(kinematics, types), expected, rtol=1e-6)


def test_events_without_two_opposite_muons_have_no_mass() -> None:
    electrons, single = pair(45.0, mass=0.0005), [pair(45.0)[0], [0.0] * 5]
    kinematics, types = arrays(pair(45.0, (1, 1)), electrons, single)
    assert np.isnan(dimuon_mass(kinematics, types)).all()


def test_the_two_leading_muons_count_wherever_they_stand() -> None:
    soft, jet = [5.0, 1.0, 1.0, MUON, -1], [90.0, 0.0, 0.0, 12.0, 0]
    kinematics = np.array([[soft, pair(45.0)[1], jet, pair(45.0)[0]]], np.float32)
    types = np.array([[1, 1, 3, 1]], np.int8)
    assert dimuon_mass(kinematics, types)[0] == pytest.approx(90.0, rel=1e-4)


def test_window_labels() -> None:
    task = ClassificationTask(kind="z_window", masses_as_features=False)
    kinematics, types = arrays(pair(45.0), pair(35.0), pair(20.0), pair(70.0), pair(45.0, (1, 1)))
    labels = task_labels(task, kinematics, types, np.zeros(5, np.int64))
    assert labels.tolist() == [1, 0, -1, -1, -1]


def test_process_labels_follow_the_folders() -> None:
    task = ClassificationTask(kind="processes", signal="a", background="b")
    kinematics, types = arrays(*[pair(40.0)] * 4)
    assert task_labels(task, kinematics, types, np.array([0, 0, 1, 1])).tolist() == [1, 1, 0, 0]


def many(events: int = 2_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    labels = random.choice([-1, 0, 1], events, p=[0.2, 0.5, 0.3]).astype(np.int8)
    return labels, random.choice([TRAIN, VALID, TEST], events, p=[0.6, 0.2, 0.2]).astype(np.uint8)


@given(st.integers(1, 150), st.integers(0, 10))
def test_parts_are_balanced_labelled_and_disjoint(n_labels: int, seed: int) -> None:
    labels, split = many()
    task = ClassificationTask(kind="processes", validation_per_class_max=40, test_per_class_max=70)
    found = labelled_split(labels, split, n_labels, seed, task)
    for part, name, size in (
        (found.train, TRAIN, n_labels),
        (found.valid, VALID, min(n_labels, 40)),
        (found.test, TEST, 70),
    ):
        assert (split[part] == name).all()
        assert np.bincount(labels[part]).tolist() == [size, size]
        assert len(set(part)) == len(part)


def test_labels_of_a_seed_are_nested_and_the_test_set_is_fixed() -> None:
    labels, split = many()
    task = ClassificationTask(kind="processes", test_per_class_max=50)
    small, large = (labelled_split(labels, split, n, 3, task) for n in (16, 64))
    other = labelled_split(labels, split, 16, 4, task)
    assert set(small.train) < set(large.train)
    assert set(small.valid) < set(large.valid)
    assert set(small.train) != set(other.train)
    np.testing.assert_array_equal(small.test, large.test)
    np.testing.assert_array_equal(small.test, other.test)


def test_too_few_events_is_one_sentence() -> None:
    labels, split = many(100)
    with pytest.raises(ConfigError, match=r"training split holds \d+ background events, expected at least 500"):
        labelled_split(labels, split, 500, 1, ClassificationTask(kind="processes"))
    with pytest.raises(ConfigError, match="test split holds 0 background"):
        labelled_split(labels, np.minimum(split, VALID), 5, 1, ClassificationTask(kind="processes"))
