"""Particles of the muon gun and of tt̄ events with pile-up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prehep.core.config.track_simulation import SimulatedTracks
from prehep.core.errors import MissingGeneratorError
from prehep.data.simulate.muon_gun import MuonGun
from prehep.data.simulate.requirements import generator_package
from prehep.data.simulate.tracker_collisions import TopPairs
from prehep.data.simulate.tracker_particles import Particles

GUN = SimulatedTracks(title="gun", generator="muon_gun", muons=20_000)
TOP = SimulatedTracks(title="top", generator="ttbar", pile_up=4)


@pytest.fixture(scope="module")
def top_pairs() -> TopPairs:
    pytest.importorskip("pythia8mc")
    return TopPairs(TOP)


def same(first: Particles, second: Particles) -> bool:
    return len(first) == len(second) and bool(np.array_equal(first.momentum, second.momentum))


def test_gun_is_uniform_within_its_limits() -> None:
    muons = MuonGun(GUN).particles(1)
    for values, low, high in (
        (muons.pt(), 0.5, 10.0),
        (muons.eta(), -3.0, 3.0),
        (np.arctan2(muons.momentum[:, 1], muons.momentum[:, 0]), -np.pi, np.pi),
    ):
        counts, _ = np.histogram(values, bins=10, range=(low, high))
        assert counts.sum() == 20_000
        np.testing.assert_allclose(counts, 2_000, atol=5 * np.sqrt(2_000))


def test_gun_charges_agree_with_pdg_numbers() -> None:
    muons = MuonGun(GUN).particles(1)
    assert set(zip(muons.pdg.tolist(), muons.charge.tolist(), strict=True)) == {(13, -1.0), (-13, 1.0)}
    assert abs(muons.charge.mean()) < 5 / np.sqrt(len(muons))


def test_gun_vertices_have_the_size_of_the_beam_spot() -> None:
    spread = MuonGun(GUN).particles(1).position.std(axis=0)
    np.testing.assert_allclose(spread, [0.0125, 0.0125, 5.5], rtol=0.03)


def test_gun_events_differ_and_repeat() -> None:
    gun = MuonGun(GUN)
    assert same(gun.particles(3), MuonGun(GUN).particles(3))
    assert not same(gun.particles(3), gun.particles(4))
    assert not same(gun.particles(3), MuonGun(GUN.model_copy(update={"seed": 2})).particles(3))


@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=50))
def test_identity_is_unique_and_holds_the_vertex(rows: list[tuple[int, bool]]) -> None:
    rows = sorted(rows)
    size = len(rows)
    particles = Particles(
        vertex=np.array([vertex for vertex, _ in rows]),
        primary=np.array([primary for _, primary in rows]),
        pdg=np.full(size, 13),
        charge=np.ones(size),
        mass=np.ones(size),
        position=np.zeros((size, 3)),
        momentum=np.ones((size, 3)),
    )
    identity = particles.identity()
    assert len(set(identity.tolist())) == size
    assert identity.dtype == np.uint64
    np.testing.assert_array_equal(identity >> np.uint64(52), particles.vertex)
    np.testing.assert_array_equal((identity >> np.uint64(16)) & np.uint64(1), ~particles.primary)


def test_identity_of_the_first_particle_is_that_of_trackml() -> None:
    muons = MuonGun(GUN).particles(1).select(np.array([0]))
    assert muons.identity().item() == 4_503_599_644_147_712


def test_top_events_keep_what_reaches_the_tracker(top_pairs: TopPairs) -> None:
    particles = top_pairs.particles(1)
    assert particles.pt().min() > 0.1
    assert np.abs(particles.eta()).max() < 4
    assert np.hypot(particles.position[:, 0], particles.position[:, 1]).max() < 30.1
    assert set(particles.charge.tolist()) == {-1.0, 1.0}
    assert set(np.abs(particles.pdg).tolist()) <= {11, 13, 211, 321, 2212, 3112, 3222, 3312, 3334}
    assert np.all(np.diff(particles.vertex) >= 0)


def test_top_pair_comes_first_and_is_busy(top_pairs: TopPairs) -> None:
    multiplicity = np.array([np.bincount(top_pairs.particles(event).vertex)[1] for event in range(1, 11)])
    assert 120 < multiplicity.mean() < 300


def test_pile_up_is_poisson_distributed(top_pairs: TopPairs) -> None:
    collisions = [top_pairs.particles(event).vertex.max() - 1 for event in range(1, 21)]
    assert np.mean(collisions) == pytest.approx(4, abs=4 * np.sqrt(4 / 20))
    assert len(set(collisions)) > 2


def test_prompt_particles_of_a_collision_share_its_point(top_pairs: TopPairs) -> None:
    particles = top_pairs.particles(2)
    for vertex in np.unique(particles.vertex):
        z = particles.position[particles.vertex == vertex, 2]
        assert np.mean(np.abs(z - np.median(z)) < 0.1) > 0.5


def test_top_events_depend_only_on_seed_and_number(top_pairs: TopPairs) -> None:
    fresh = TopPairs(TOP)
    assert same(fresh.particles(7), top_pairs.particles(7))
    assert not same(fresh.particles(7), fresh.particles(8))
    other = TopPairs(TOP.model_copy(update={"seed": 2}))
    assert not same(fresh.particles(7), other.particles(7))


def test_missing_package_is_one_sentence() -> None:
    sentence = r"^nowhere cannot be imported .*config/sample\.yaml.*\.$"
    with pytest.raises(MissingGeneratorError, match=sentence), generator_package("nowhere"):
        raise ModuleNotFoundError("No module named 'nowhere'")
