"""Encoding and scaling of objects: known values, symmetry, padding, agreement with numpy."""

import math

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from prehep.tokens.event_features import Scaling, ScalingMeasurement, encode, feature_columns, signed_log

DEFAULT = ("pt", "eta", "sin_phi", "cos_phi", "mass", "type")
MUONS = ("pt", "eta", "sin_phi", "cos_phi", "charge", "type")


def test_known_values_of_all_nine_features() -> None:
    kinematics = np.array([[[9.0, -1.5, math.pi / 2, 99.0, -1.0], [999.0, 0, 0, 0, 0]]], np.float32)
    types = np.array([[1, 4]], np.int8)
    expected = [[1, -1.5, 1, 0, 2, 1, 0, 0, 0], [3, 0, 0, 1, 0, 0, 0, 0, 1]]
    np.testing.assert_allclose(encode(kinematics, types, DEFAULT)[0], expected, atol=1e-6)


def test_charge_in_place_of_mass_has_no_mass() -> None:
    assert "mass" not in feature_columns(MUONS)
    kinematics = np.array([[[9.0, 0, 0, 99.0, -1.0]]], np.float32)
    lighter = kinematics * np.float32([1, 1, 1, 0, 1])
    types = np.ones((1, 1), np.int8)
    encoded = encode(kinematics, types, MUONS)
    assert encoded.shape == (1, 1, 9)
    assert encoded[0, 0, 4] == -1
    np.testing.assert_array_equal(encoded, encode(lighter, types, MUONS))


def test_columns_name_each_feature() -> None:
    assert feature_columns(DEFAULT) == (
        *("pt", "eta", "sin_phi", "cos_phi", "mass"),
        *("type_lepton", "type_bjet", "type_light_jet", "type_met"),
    )


@given(hnp.arrays(np.float32, 5, elements=st.floats(-1e4, 1e4, width=32)))
def test_signed_log_is_odd_and_keeps_the_order(values: np.ndarray) -> None:
    encoded = signed_log(values)
    np.testing.assert_array_equal(signed_log(-values), -encoded)
    assert (np.diff(encoded[np.argsort(values)]) >= 0).all()


def test_padding_is_zero_before_and_after_scaling() -> None:
    kinematics = np.full((2, 3, 5), 7.0, np.float32)
    types = np.array([[1, 0, 4], [0, 0, 2]], np.int8)
    encoded = encode(kinematics, types, DEFAULT)
    scaled = Scaling(mean=(3.0,) * 9, std=(2.0,) * 9).apply(encoded, types)
    assert (encoded[types == 0] == 0).all()
    assert (scaled[types == 0] == 0).all()
    np.testing.assert_allclose(scaled[types > 0], (encoded[types > 0] - 3) / 2)


def test_scaling_is_that_of_real_objects_and_leaves_the_type() -> None:
    rng = np.random.default_rng(0)
    kinematics = rng.normal(3, 2, (500, 4, 5)).astype(np.float32)
    types = rng.integers(0, 5, (500, 4)).astype(np.int8)
    encoded = encode(kinematics, types, DEFAULT)
    measurement = ScalingMeasurement(feature_columns(DEFAULT))
    for part in (slice(0, 100), slice(100, 107), slice(107, 500)):
        measurement.add(encoded[part], types[part])
    scaling = measurement.result()
    objects = encoded[types > 0][:, :5].astype(np.float64)
    np.testing.assert_allclose(scaling.mean[:5], objects.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(scaling.std[:5], objects.std(axis=0), rtol=1e-9)
    assert scaling.mean[5:] == (0,) * 4
    assert scaling.std[5:] == (1,) * 4


def test_scaling_of_a_column_with_one_value_keeps_its_width() -> None:
    types = np.ones((50, 1), np.int8)
    encoded = np.full((50, 1, 1), 0.0437, np.float32)
    measurement = ScalingMeasurement(("mass",))
    measurement.add(encoded, types)
    assert measurement.result().std == (1.0,)
    np.testing.assert_allclose(measurement.result().apply(encoded, types), 0, atol=1e-7)


def test_scaling_without_objects_is_refused() -> None:
    measurement = ScalingMeasurement(("pt",))
    measurement.add(np.zeros((3, 2, 1), np.float32), np.zeros((3, 2), np.int8))
    with pytest.raises(ValueError, match="no object"):
        measurement.result()


def test_identity_scaling_changes_nothing() -> None:
    types = np.array([[1, 0]], np.int8)
    encoded = np.array([[[2.0, 3.0], [0.0, 0.0]]], np.float32)
    np.testing.assert_array_equal(Scaling.identity(("pt", "eta")).apply(encoded, types), encoded)
