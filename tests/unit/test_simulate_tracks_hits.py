"""Simulated hits, lost hits and noise."""

import numpy as np
import pytest

from prehep.core.config.track_simulation import SimulatedTracks
from prehep.data.simulate.muon_gun import MuonGun
from prehep.data.simulate.tracker_effects import add_noise, lose_hits
from prehep.data.simulate.tracker_geometry import Tracker, build_tracker
from prehep.data.simulate.tracker_hits import NOISE, Hits, TrackerSimulation
from prehep.data.simulate.tracker_particles import Particles

pytest.importorskip("acts")

GUN = SimulatedTracks(title="gun", generator="muon_gun", muons=300, eta_max=2.5)


@pytest.fixture(scope="module")
def tracker() -> Tracker:
    return build_tracker()


@pytest.fixture(scope="module")
def simulation(tracker: Tracker) -> TrackerSimulation:
    return TrackerSimulation(tracker, 2.0, seed=1)


@pytest.fixture(scope="module")
def event(simulation: TrackerSimulation) -> tuple[Particles, Hits]:
    return simulation.simulate(1, MuonGun(GUN).particles(1))


def volumes(tracker: Tracker, hits: Hits) -> np.ndarray:
    return tracker.modules.volume[hits.module]


def test_muons_cross_about_twelve_modules(event: tuple[Particles, Hits]) -> None:
    particles, hits = event
    assert 11 < hits.per_particle(len(particles))[particles.primary].mean() < 14


def test_four_to_eight_pixel_hits_for_most_muons(tracker: Tracker, event: tuple[Particles, Hits]) -> None:
    particles, hits = event
    pixels = hits.select(volumes(tracker, hits) <= 9).per_particle(len(particles))
    assert np.mean((pixels >= 4) & (pixels <= 8)) > 0.7


def test_particles_come_back_unchanged(event: tuple[Particles, Hits]) -> None:
    particles, muons = event[0], MuonGun(GUN).particles(1)
    primaries = particles.select(particles.primary)
    np.testing.assert_array_equal(primaries.pdg, muons.pdg)
    np.testing.assert_allclose(primaries.momentum, muons.momentum, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(primaries.position, muons.position, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("chosen", "low", "high"),
    [((7, 8, 9), 0.010, 0.017), ((12, 13, 14), 0.15, 0.3), ((16, 17, 18), 2.2, 3.0)],
    ids=["pixels", "short strips", "long strips"],
)
def test_resolution(
    tracker: Tracker, event: tuple[Particles, Hits], chosen: tuple[int, ...], low: float, high: float
) -> None:
    hits = event[1].select(np.isin(volumes(tracker, event[1]), chosen))
    distance = np.linalg.norm(hits.position - hits.true_position, axis=1)
    assert low < np.median(distance) < high


def test_hits_lie_on_their_modules(tracker: Tracker, event: tuple[Particles, Hits]) -> None:
    hits, modules = event[1], tracker.modules
    local = np.einsum("ni,nij->nj", hits.position - modules.centre[hits.module], modules.rotation[hits.module])
    assert np.abs(local[:, 2]).max() < 1e-3
    assert np.all(np.abs(local[:, 0]) <= modules.half_width_high[hits.module] + 1e-3)
    assert np.all(np.abs(local[:, 1]) <= modules.half_length[hits.module] + 1e-3)


def test_field_bends_charges_in_opposite_directions(tracker: Tracker, event: tuple[Particles, Hits]) -> None:
    particles, hits = event
    start = particles.momentum[hits.particle]
    turn = start[:, 0] * hits.true_momentum[:, 1] - start[:, 1] * hits.true_momentum[:, 0]
    outer = np.isin(volumes(tracker, hits), (13, 17))
    agreement = np.sign(turn[outer]) == -particles.charge[hits.particle[outer]]
    assert agreement.mean() > 0.99


def test_hits_carry_almost_the_initial_momentum(event: tuple[Particles, Hits]) -> None:
    particles, hits = event
    ratio = np.linalg.norm(hits.true_momentum, axis=1) / np.linalg.norm(particles.momentum[hits.particle], axis=1)
    assert 0.98 < np.median(ratio) <= 1.0


def test_slow_particles_are_simulated(simulation: TrackerSimulation) -> None:
    slow = GUN.model_copy(update={"pt_min": 0.15, "pt_max": 0.3, "eta_max": 0.5, "muons": 50})
    particles, hits = simulation.simulate(2, MuonGun(slow).particles(2))
    assert np.median(hits.per_particle(len(particles))) >= 4


def test_same_event_same_hits_in_any_order(tracker: Tracker, event: tuple[Particles, Hits]) -> None:
    fresh = TrackerSimulation(tracker, 2.0, seed=1)
    muons = MuonGun(GUN).particles(1)
    fresh.simulate(5, muons)
    again = fresh.simulate(1, muons)[1]
    np.testing.assert_array_equal(again.position, event[1].position)
    np.testing.assert_array_equal(again.true_momentum, event[1].true_momentum)
    other = TrackerSimulation(tracker, 2.0, seed=2).simulate(1, muons)[1]
    assert not np.array_equal(other.position, event[1].position)


def test_event_without_particles(simulation: TrackerSimulation) -> None:
    nothing = MuonGun(GUN).particles(1).select(np.array([], np.int64))
    particles, hits = simulation.simulate(3, nothing)
    assert (len(particles), len(hits)) == (0, 0)


def test_inefficiency_loses_its_share(event: tuple[Particles, Hits]) -> None:
    hits = event[1]
    kept = lose_hits(hits, 0.2, np.random.default_rng(1))
    assert len(kept) == pytest.approx(0.8 * len(hits), abs=5 * np.sqrt(0.16 * len(hits)))
    assert len(lose_hits(hits, 0.0, np.random.default_rng(1))) == len(hits)


def test_noise_is_its_share_of_all_hits(tracker: Tracker, event: tuple[Particles, Hits]) -> None:
    hits = add_noise(event[1], tracker.modules, 0.15, np.random.default_rng(1))
    share = np.mean(hits.particle == NOISE)
    assert share == pytest.approx(0.15, abs=5 * np.sqrt(0.15 / len(hits)))
    assert np.all(np.diff(hits.module) >= 0)
    assert hits.per_particle(len(event[0])).sum() == len(event[1])
    assert len(add_noise(event[1], tracker.modules, 0.0, np.random.default_rng(1))) == len(event[1])


def test_noise_is_uniform_over_modules_and_surfaces(tracker: Tracker, event: tuple[Particles, Hits]) -> None:
    modules = tracker.modules
    noisy = add_noise(event[1], modules, 0.95, np.random.default_rng(2))
    noise = noisy.select(noisy.particle == NOISE)
    pixels = np.mean(volumes(tracker, noise) <= 9)
    assert pixels == pytest.approx(4_004 / 18_728, abs=5 * np.sqrt(0.17 / len(noise)))
    local = np.einsum("ni,nij->nj", noise.position - modules.centre[noise.module], modules.rotation[noise.module])
    height = (local[:, 1] / modules.half_length[noise.module] + 1) / 2
    low, high = modules.half_width_low[noise.module], modules.half_width_high[noise.module]
    half_width = low + (high - low) * height
    assert np.all(np.abs(local[:, 0]) <= half_width + modules.pitch()[noise.module].sum(axis=1))
    trapezoid = np.isin(volumes(tracker, noise), (12, 14))
    expected = np.mean(((low + 2 * high) / (3 * (low + high)))[trapezoid])
    assert height[trapezoid].mean() == pytest.approx(expected, abs=5 * 0.29 / np.sqrt(trapezoid.sum()))


def test_noise_lies_in_the_middle_of_cells(tracker: Tracker, event: tuple[Particles, Hits]) -> None:
    modules = tracker.modules
    noisy = add_noise(event[1], modules, 0.3, np.random.default_rng(3))
    noise = noisy.select(noisy.particle == NOISE)
    local = np.einsum("ni,nij->nj", noise.position - modules.centre[noise.module], modules.rotation[noise.module])
    half = np.stack([modules.half_width_high, modules.half_length], axis=1)[noise.module]
    cell = (local[:, :2] + half) / modules.pitch()[noise.module]
    np.testing.assert_allclose(cell - np.floor(cell), 0.5, atol=1e-6)
