"""Clustering, flavour and b-tag score of simulated jets."""

import awkward as ak
import numpy as np
import pytest

from prehep.core.config.event_simulation import BtagSettings, DetectorSettings
from prehep.data.simulate.jets import btag_scores, cluster_jets, contains_quark, smear_jets


@pytest.mark.parametrize(("flavour", "efficiency"), [(5, 0.80), (4, 0.15), (0, 0.01)])
def test_medium_point_has_the_declared_efficiencies(flavour, efficiency):
    random = np.random.default_rng(1)
    scores = btag_scores(np.full(100_000, flavour), np.zeros(100_000), BtagSettings(), random)
    assert scores.min() > 0
    assert scores.max() < 1
    assert np.mean(scores > BtagSettings().medium) == pytest.approx(efficiency, abs=0.004)


def test_loose_and_tight_points_resemble_deepjet():
    random = np.random.default_rng(2)
    bottom, light = (
        btag_scores(np.full(200_000, flavour), np.zeros(200_000), BtagSettings(), random) for flavour in (5, 0)
    )
    assert np.mean(bottom > 0.71) == pytest.approx(0.65, abs=0.04)
    assert np.mean(bottom > 0.049) == pytest.approx(0.92, abs=0.03)
    assert np.mean(light > 0.049) == pytest.approx(0.10, abs=0.03)


def test_jets_beyond_the_tracker_look_light():
    random = np.random.default_rng(3)
    scores = btag_scores(np.full(50_000, 5), np.full(50_000, -3.0), BtagSettings(), random)
    assert np.mean(scores > BtagSettings().medium) == pytest.approx(0.01, abs=0.003)


def test_quarks_are_read_off_pdg_codes():
    codes = np.array([511, -521, 5122, 10511, 553, 421, -4122, 443, 2212, 5503, 5, 22, 4101])
    assert contains_quark(codes, 5).tolist() == [True] * 5 + [False] * 8
    assert contains_quark(codes, 4).tolist() == [False] * 5 + [True] * 3 + [False] * 5


def test_clustering_merges_close_particles_and_separates_far_ones():
    pytest.importorskip("fastjet")
    phi = np.array([0.0, 0.3, 2.0])
    pt = np.array([50.0, 20.0, 60.0])
    particles = ak.Array(
        [
            [
                {"px": x, "py": y, "pz": 0.0, "energy": e}
                for x, y, e in zip(pt * np.cos(phi), pt * np.sin(phi), pt, strict=True)
            ]
        ]
    )
    jets = cluster_jets(particles, DetectorSettings())[0]
    merged = 50 + 20 * np.exp(0.3j)
    assert jets.pt.tolist() == pytest.approx([abs(merged), 60])
    assert jets.phi.tolist() == pytest.approx([np.angle(merged), 2.0])
    assert jets.mass.tolist() == pytest.approx([np.sqrt(70**2 - abs(merged) ** 2), 0.0], abs=1e-3)


def test_jet_resolution_follows_noise_stochastic_and_constant_terms():
    settings = DetectorSettings()
    for pt in (30.0, 200.0):
        jets = ak.Array([[{"pt": pt, "eta": 0.0, "phi": 3.14, "mass": 10.0}]] * 20_000)
        measured = smear_jets(jets, settings, np.random.default_rng(5))
        expected = np.sqrt((3.0 / pt) ** 2 + 0.9**2 / pt + 0.04**2)
        assert ak.std(measured.pt) / pt == pytest.approx(expected, rel=0.03)
        assert ak.mean(measured.pt) / pt == pytest.approx(1.0, abs=0.01)
        assert ak.all((measured.phi >= -np.pi) & (measured.phi < np.pi))
        assert ak.all(measured.mass > 0)
