"""Engineered quantities: known masses, invariance under rotation, and nothing of a mass where it is forbidden."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prehep.evaluation.engineered_features import engineered_features
from prehep.evaluation.flat_features import flat_features

TYPES = np.array([[1, 4, 2, 2, 3, 3]], dtype=np.int8)


def event(**objects: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """One event with pt, eta, phi, mass of the named objects; the others are padding."""
    slots = {"lepton": 0, "met": 1, "bjet_1": 2, "bjet_2": 3, "jet_1": 4, "jet_2": 5}
    kinematics, types = np.zeros((1, 6, 5), dtype=np.float32), np.zeros((1, 6), dtype=np.int8)
    for name, values in objects.items():
        kinematics[0, slots[name], :4] = values
        types[0, slots[name]] = TYPES[0, slots[name]]
    return kinematics, types


def named(kinematics: np.ndarray, types: np.ndarray, *, masses: bool = True) -> dict[str, float]:
    values, names = engineered_features(kinematics, types, masses=masses)
    return dict(zip(names, values[0], strict=True))


def random_events(events: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    types = np.repeat(TYPES, events, axis=0)
    types[random.random(types.shape) < 0.2] = 0
    kinematics = np.zeros((events, 6, 5), dtype=np.float32)
    kinematics[..., 0] = 20 + random.exponential(50, (events, 6))
    kinematics[..., 1] = random.uniform(-2.4, 2.4, (events, 6))
    kinematics[..., 2] = random.uniform(-np.pi, np.pi, (events, 6))
    kinematics[..., 3] = random.gamma(3, 2, (events, 6))
    kinematics[:, 1, [1, 3]] = 0
    kinematics[types == 0] = 0
    return kinematics, types


def test_back_to_back_massless_jets_have_twice_their_pt_as_mass():
    found = named(*event(bjet_1=(60, 0, 0, 0), bjet_2=(60, 0, np.pi, 0)))
    assert found["m_bb"] == pytest.approx(120, rel=1e-5)
    assert found["pt_bb"] == pytest.approx(0, abs=1e-4)
    assert found["delta_r_bjet_1_bjet_2"] == pytest.approx(np.pi, rel=1e-6)
    assert found["ht_jets"] == pytest.approx(120)
    assert found["centrality"] == pytest.approx(1)


def test_transverse_mass_of_a_back_to_back_neutrino():
    found = named(*event(lepton=(40, 0.7, 0, 0), met=(40, 0, np.pi, 0)))
    assert found["mt_w"] == pytest.approx(80, rel=1e-5)


def test_hadronic_top_is_the_candidate_nearest_to_172_5():
    found = named(*event(bjet_1=(150, 0, 0, 0), bjet_2=(55, 0, 1.9, 0), jet_1=(40, 0, 3.1, 0), jet_2=(40, 0, -1.5, 0)))
    candidates = [found["m_jjb_1"], found["m_jjb_2"]]
    assert found["m_hadronic_top"] == min(candidates, key=lambda mass: abs(mass - 172.5))
    assert candidates[0] != pytest.approx(candidates[1])


def test_objects_that_are_absent_give_nan_and_the_rest_stays():
    found = named(*event(lepton=(40, 0, 0, 0.1), met=(30, 0, 1, 0), bjet_1=(50, 0, 2, 5)))
    assert np.isnan([found["m_bb"], found["m_jj"], found["pt_light_jet_1"], found["m_hadronic_top"]]).all()
    assert found["m_lb_smallest"] == pytest.approx(found["m_lb_1"])
    assert (found["n_bjet"], found["n_light_jet"]) == (1, 0)


def test_objects_are_ordered_by_pt_whatever_their_slots():
    found = named(*event(bjet_1=(30, 1, 0, 4), bjet_2=(90, -1, 1, 8)))
    assert (found["pt_bjet_1"], found["pt_bjet_2"]) == (90, 30)


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-3.1, 3.1), seed=st.integers(0, 1000))
def test_a_common_rotation_changes_nothing(angle: float, seed: int):
    kinematics, types = random_events(20, seed)
    turned = kinematics.copy()
    phi = turned[..., 2].astype(np.float64) + angle
    turned[..., 2] = np.where(types > 0, np.arctan2(np.sin(phi), np.cos(phi)), 0)
    before, names = engineered_features(kinematics, types)
    after, _ = engineered_features(turned, types)
    # a transverse mass near zero is the root of a difference of large numbers: tolerate 0.2 GeV in float32
    np.testing.assert_allclose(after, before, rtol=2e-3, atol=0.2, err_msg=str(names))


def test_without_masses_no_name_speaks_of_a_mass():
    kinematics, types = random_events(5, 3)
    _, names = engineered_features(kinematics, types, masses=False)
    assert not [name for name in names if name.startswith(("m_", "mt_")) or "mass" in name]
    assert not [name for name in names if name.startswith(("delta_", "charge_"))]
    assert {"pt_lepton_1", "eta_lepton_2", "ht_all", "n_lepton"} <= set(names)


def test_without_masses_the_jet_masses_do_not_matter():
    kinematics, types = random_events(50, 4)
    heavier = kinematics.copy()
    heavier[..., 3] *= 3
    before, _ = engineered_features(kinematics, types, masses=False)
    after, _ = engineered_features(heavier, types, masses=False)
    np.testing.assert_array_equal(before, after)


def test_flat_features_mark_padding_as_nan():
    features = np.arange(2 * 6 * 9, dtype=np.float32).reshape(2, 6, 9)
    types = np.repeat(TYPES, 2, axis=0)
    types[1, 3] = 0
    flat = flat_features(features, types)
    assert flat.shape == (2, 54)
    assert np.isnan(flat[1, 27:36]).all()
    np.testing.assert_array_equal(flat[0], features[0].ravel())
