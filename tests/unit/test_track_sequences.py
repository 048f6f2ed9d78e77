"""From hits to tracks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from track_examples import barrel_vocabulary

from prehep.core.config.track_tokens import TrackTokenSettings
from prehep.tokens.track_sequences import TrackSequences, build_tracks, join_tracks
from prehep.tokens.track_vocabulary import FIRST_MODULE

VOCABULARY = barrel_vocabulary()
SETTINGS = TrackTokenSettings(volumes=(8,))


def random_hits(seed: int, hits: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return hits of noise and of five particles in each of three events, and the particles."""
    random = np.random.default_rng(seed)
    modules = VOCABULARY.table.iloc[random.integers(FIRST_MODULE, len(VOCABULARY), hits)].reset_index(drop=True)
    frame = modules[["volume", "layer", "module"]].copy()
    frame["volume"] = np.where(random.random(hits) < 0.1, 13, frame["volume"])
    frame["event"] = np.sort(random.integers(10, 13, hits))
    frame["hit_id"] = np.arange(hits)
    frame["particle_id"] = random.integers(0, 6, hits).astype(np.uint64)
    frame[["x", "y", "z"]] = random.integers(-3, 4, (hits, 3)) * 10.0
    event, particle = (axis.ravel() for axis in np.mgrid[10:13, 1:6])
    px, py = random.normal(size=(2, len(event)))
    particles = pd.DataFrame({"event": event, "particle_id": particle.astype(np.uint64), "px": px, "py": py})
    return frame, particles


def slow_tracks(hits: pd.DataFrame, particles: pd.DataFrame) -> list[tuple[int, float, list[int], list[float]]]:
    """Return event, pt, tokens and distances of each track, one particle at a time."""
    token = {tuple(row[1:4]): row[0] for row in VOCABULARY.table.iloc[FIRST_MODULE:].itertuples(index=False)}
    momentum = {(row.event, row.particle_id): np.hypot(row.px, row.py) for row in particles.itertuples()}
    tracks = []
    for event in sorted(set(hits["event"])):
        for particle in range(1, 6):
            rows = [
                (np.sqrt(row.x**2 + row.y**2 + row.z**2), row.hit_id, token[row.volume, row.layer, row.module])
                for row in hits.itertuples()
                if row.event == event and row.particle_id == particle and row.volume == 8
            ]
            if 4 <= len(rows) <= 8:
                rows.sort()
                pt = float(momentum[event, particle])
                tracks.append((event, pt, [row[2] for row in rows], [row[0] for row in rows]))
    return tracks


def check_equal(found: TrackSequences, expected: list[tuple[int, float, list[int], list[float]]]) -> None:
    assert len(found.pt) == len(found.event) == len(found.offsets) - 1 == len(expected)
    for index, (event, pt, tokens, distances) in enumerate(expected):
        hits = slice(found.offsets[index], found.offsets[index + 1])
        assert found.event[index] == event
        assert found.pt[index] == pytest.approx(pt, rel=1e-6)
        assert found.tokens[hits].tolist() == tokens
        assert np.linalg.norm(found.positions[hits], axis=1) == pytest.approx(distances)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), hits=st.integers(0, 150))
def test_equals_a_loop_over_particles(seed: int, hits: int) -> None:
    frame, particles = random_hits(seed, hits)
    shuffled = frame.sample(frac=1, random_state=seed)
    check_equal(build_tracks(shuffled, particles, VOCABULARY, SETTINGS), slow_tracks(frame, particles))


def test_hits_are_sorted_by_distance_and_noise_and_other_volumes_are_dropped() -> None:
    hits = pd.DataFrame(
        {
            "event": 1,
            "hit_id": np.arange(6),
            "x": [40.0, 10.0, 30.0, 0.0, 5.0, 1.0],
            "y": 0.0,
            "z": [0.0, 0.0, 0.0, -20.0, 0.0, 0.0],
            "volume": [8, 8, 8, 8, 13, 8],
            "layer": [2, 4, 6, 8, 2, 2],
            "module": 1,
            "particle_id": np.array([7, 7, 7, 7, 7, 0], np.uint64),
        }
    )
    particles = pd.DataFrame({"event": [1], "particle_id": np.array([7], np.uint64), "px": [3.0], "py": [4.0]})
    tracks = build_tracks(hits, particles, VOCABULARY, SETTINGS)
    assert VOCABULARY.table["layer"].iloc[tracks.tokens].tolist() == [4, 8, 6, 2]
    assert np.linalg.norm(tracks.positions, axis=1).tolist() == [10.0, 20.0, 30.0, 40.0]
    assert tracks.pt.tolist() == [5.0]
    assert tracks.offsets.tolist() == [0, 4]


def test_unknown_particle_has_no_pt_and_large_particle_ids_are_exact() -> None:
    large = 2**63 + 1
    hits = pd.concat(
        [random_hits(1, 5)[0].assign(particle_id=np.uint64(identity), volume=8) for identity in (large, 3)]
    )
    hits = hits.assign(event=4, hit_id=np.arange(10))
    particles = pd.DataFrame(
        {"event": 4, "particle_id": np.array([large - 1, large], np.uint64), "px": [1.0, 2.0], "py": 0.0}
    )
    tracks = build_tracks(hits, particles, VOCABULARY, SETTINGS)
    assert np.isnan(tracks.pt[0])
    assert tracks.pt[1] == 2.0
    assert tracks.offsets.tolist() == [0, 5, 10]


def test_join_equals_building_at_once() -> None:
    frame, particles = random_hits(5, 140)
    parts = [build_tracks(rows, particles, VOCABULARY, SETTINGS) for _, rows in frame.groupby("event")]
    check_equal(join_tracks(parts), slow_tracks(frame, particles))
