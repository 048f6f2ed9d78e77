"""Areas under curves and errors of means, against known values."""

import math

import numpy as np
import pytest

from prehep.evaluation.metrics import area_under_curve, auc_error, half_interval, mean_and_error


def test_area_is_the_fraction_of_pairs_in_the_right_order():
    labels = np.array([1, 1, 0, 0, 0])
    scores = np.array([0.9, 0.3, 0.4, 0.1, 0.3])
    # of 6 pairs: 0.9 wins 3; 0.3 wins 1, loses 1, ties 1
    assert area_under_curve(labels, scores) == pytest.approx((3 + 1 + 0.5) / 6)


def test_area_of_a_reversed_score_is_the_complement():
    random = np.random.default_rng(1)
    labels, scores = random.integers(0, 2, 200), random.normal(size=200)
    assert area_under_curve(labels, -scores) == pytest.approx(1 - area_under_curve(labels, scores))


def test_mean_and_error_of_known_values():
    assert mean_and_error([1.0, 2.0, 3.0]) == pytest.approx((2.0, 1 / math.sqrt(3)))


def test_one_value_has_no_error():
    mean, error = mean_and_error([0.7])
    assert mean == 0.7
    assert math.isnan(error)
    assert math.isnan(half_interval(error, 1))


def test_three_seeds_widen_the_interval_to_4_3_errors():
    assert half_interval(0.01, 3) == pytest.approx(0.0430, abs=1e-4)


def test_auc_error_matches_repeated_test_sets():
    random = np.random.default_rng(2)
    labels = np.repeat([1, 0], 150)
    areas = [area_under_curve(labels, random.normal(size=300) + 0.6 * labels) for _ in range(400)]
    assert auc_error(float(np.mean(areas)), 150, 150) == pytest.approx(np.std(areas), rel=0.15)
