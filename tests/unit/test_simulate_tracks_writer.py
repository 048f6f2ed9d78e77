"""TrackML files: columns, weights, digits and bytes."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prehep.data.simulate.tracker_hits import NOISE, Hits
from prehep.data.simulate.tracker_modules import Modules
from prehep.data.simulate.tracker_particles import Particles
from prehep.data.simulate.trackml_writer import (
    hit_table,
    hit_weights,
    particle_table,
    truth_table,
    write_detectors,
    write_event,
)

EVENT_COLUMNS = {
    "hits": "hit_id,x,y,z,volume_id,layer_id,module_id",
    "truth": "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight",
    "particles": "particle_id,vx,vy,vz,px,py,pz,q,nhits",
}
SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def make_modules() -> Modules:
    return Modules(
        volume=np.array([7, 8, 13]),
        layer=np.array([2, 2, 4]),
        number=np.array([1, 5, 9]),
        centre=np.array([[1.0, 2.0, -1500.0], [32.0, 0.0, 10.0], [0.0, 360.0, 1.23456789]]),
        rotation=np.stack([np.eye(3)] * 3),
        half_thickness=np.full(3, 0.15),
        half_width_low=np.full(3, 8.4),
        half_width_high=np.full(3, 8.4),
        half_length=np.full(3, 36.0),
        acts_key=np.arange(3),
    )


def make_particles(*pt: float) -> Particles:
    size = len(pt)
    return Particles(
        vertex=np.ones(size, np.int64),
        primary=np.ones(size, np.bool_),
        pdg=np.full(size, 13),
        charge=np.full(size, -1.0),
        mass=np.full(size, 0.1),
        position=np.zeros((size, 3)),
        momentum=np.stack([np.array(pt), np.zeros(size), np.ones(size)], axis=1),
    )


def make_hits(*particle: int) -> Hits:
    size = len(particle)
    position = np.arange(3.0 * size).reshape(size, 3) + 0.1234567
    return Hits(np.sort(np.arange(size) % 3), np.array(particle, np.int64), position, position + 0.01, position)


def test_weights_follow_pt_and_sum_to_one() -> None:
    hits = make_hits(0, 0, 0, 0, 1, 1, 1, 1, NOISE, 2, 2, 2)
    weights = hit_weights(hits, make_particles(0.3, 5.0, 5.0))
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights[:4] * 5, weights[4:8])
    assert weights[8:].tolist() == [0, 0, 0, 0]


def test_weights_of_noise_alone_are_zero() -> None:
    assert hit_weights(make_hits(NOISE, NOISE), make_particles()).tolist() == [0, 0]


def test_tables_agree_with_each_other() -> None:
    hits, particles = make_hits(0, 0, 1, NOISE), make_particles(1.0, 2.0, 3.0)
    truth, known = truth_table(hits, particles), particle_table(hits, particles)
    identity = known["particle_id"].to_pylist()
    assert truth["particle_id"].to_pylist() == [identity[0], identity[0], identity[1], 0]
    assert known["nhits"].to_pylist() == [2, 1, 0]
    assert hit_table(hits, make_modules())["hit_id"].to_pylist() == [1, 2, 3, 4]


def test_files_have_the_columns_of_trackml(tmp_path: Path) -> None:
    write_event(tmp_path, 12, make_hits(0, 1), make_particles(1.0, 2.0), make_modules())
    for name, header in EVENT_COLUMNS.items():
        with gzip.open(tmp_path / f"event000000012-{name}.csv.gz", "rt") as stream:
            assert stream.readline().strip() == header
    with gzip.open(write_detectors(tmp_path, make_modules()), "rt") as stream:
        written = stream.readline().strip().split(",")
    real = SHARED / "trackml" / "detectors.csv.gz"
    if real.is_file():
        assert written == pd.read_csv(real, nrows=1, index_col=0).columns.tolist()


def test_bytes_are_equal_and_hold_no_time(tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        paths = write_event(tmp_path / name, 1, make_hits(0, 1), make_particles(1.0, 2.0), make_modules())
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    assert all(content[4:8] == bytes(4) for content in contents[0])


@given(st.lists(st.floats(-3000, 3000), min_size=3, max_size=3))
def test_positions_keep_six_digits(point: list[float]) -> None:
    position = np.array([point])
    hits = Hits(np.array([1]), np.array([NOISE]), position, position, position)
    table = hit_table(hits, make_modules())
    written = [table[axis].to_numpy()[0] for axis in "xyz"]
    np.testing.assert_allclose(written, point, rtol=6e-6, atol=1e-30)
    mantissas = [str(value).split("e")[0] for value in written]
    assert all(sum(digit.isdigit() for digit in mantissa.strip("-0.")) <= 7 for mantissa in mantissas)


def test_values_survive_a_round_trip(tmp_path: Path) -> None:
    hits, particles = make_hits(0, 0, 1, NOISE), make_particles(1.0, 2.0)
    paths = write_event(tmp_path, 1, hits, particles, make_modules())
    read_hits, read_truth, read_particles = (pd.read_csv(path) for path in paths)
    np.testing.assert_allclose(read_hits[["x", "y", "z"]], hits.position, rtol=5e-6)
    assert read_hits.volume_id.tolist() == [7, 7, 8, 13]
    np.testing.assert_allclose(read_truth[["tpx", "tpy", "tpz"]], hits.true_momentum, rtol=5e-6)
    assert read_particles.particle_id.astype("uint64").tolist() == particles.identity().tolist()
