"""The simulated tracker has the modules of TrackML."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from prehep.data.simulate.tracker_geometry import Tracker, build_tracker, read_out, read_out_entries
from prehep.data.simulate.tracker_modules import RING_ORDER, acts_key

pytest.importorskip("acts")

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
MODULES_PER_VOLUME = {7: 756, 8: 2492, 9: 756, 12: 1020, 13: 5796, 14: 1020, 16: 588, 17: 5712, 18: 588}


@pytest.fixture(scope="module")
def tracker() -> Tracker:
    return build_tracker()


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    path = SHARED / "trackml" / "detectors.csv.gz"
    if not path.is_file():
        pytest.skip("../shared/data is not here")
    return pd.read_csv(path).sort_values(["volume_id", "layer_id", "module_id"], ignore_index=True)


def test_modules_per_volume(tracker: Tracker) -> None:
    assert len(tracker.modules) == 18_728
    assert Counter(tracker.modules.volume.tolist()) == MODULES_PER_VOLUME
    assert set((tracker.modules.layer % 2).tolist()) == {0}


def test_modules_are_sorted_and_unique(tracker: Tracker) -> None:
    modules = tracker.modules
    names = list(zip(modules.volume.tolist(), modules.layer.tolist(), modules.number.tolist(), strict=True))
    assert names == sorted(set(names))


def test_ring_order_names_every_module_once() -> None:
    for rings, order in RING_ORDER.items():
        assert tuple(order.count(str(ring)) for ring in range(len(rings))) == rings


def test_names_and_places_are_those_of_trackml(tracker: Tracker, real: pd.DataFrame) -> None:
    modules = tracker.modules
    names = np.stack([modules.volume, modules.layer, modules.number], axis=1)
    np.testing.assert_array_equal(names, real[["volume_id", "layer_id", "module_id"]].to_numpy())
    np.testing.assert_allclose(modules.centre, real[["cx", "cy", "cz"]].to_numpy(), atol=0.01)
    columns = [f"rot_{axis}{direction}" for axis in "xyz" for direction in "uvw"]
    np.testing.assert_allclose(modules.rotation.reshape(-1, 9), real[columns].to_numpy(), atol=1e-5)


def test_sizes_and_pitches_are_those_of_trackml(tracker: Tracker, real: pd.DataFrame) -> None:
    modules = tracker.modules
    np.testing.assert_allclose(modules.half_thickness, real.module_t)
    np.testing.assert_allclose(modules.half_width_low, real.module_minhu)
    np.testing.assert_allclose(modules.half_width_high, real.module_maxhu)
    np.testing.assert_allclose(modules.half_length, real.module_hv)
    np.testing.assert_allclose(modules.pitch(), real[["pitch_u", "pitch_v"]].to_numpy())


def test_modules_are_a_whole_number_of_cells(tracker: Tracker) -> None:
    modules = tracker.modules
    size = 2 * np.stack([modules.half_width_high, modules.half_length], axis=1)
    cells = size / modules.pitch()
    np.testing.assert_allclose(cells, cells.round(), atol=1e-9)


def test_pixels_only_is_the_inner_part_of_the_full_tracker(tracker: Tracker) -> None:
    pixels = build_tracker("pixels")
    inner = slice(0, 4_004)
    assert len(pixels.modules) == 4_004
    np.testing.assert_array_equal(pixels.modules.volume, tracker.modules.volume[inner])
    np.testing.assert_array_equal(pixels.modules.number, tracker.modules.number[inner])
    np.testing.assert_allclose(pixels.modules.centre, tracker.modules.centre[inner])
    assert pixels.volume_offset == 3


def test_rows_find_modules_by_their_acts_key(tracker: Tracker) -> None:
    chosen = np.array([18_727, 0, 5_000])
    np.testing.assert_array_equal(tracker.modules.rows(tracker.modules.acts_key[chosen]), chosen)
    key = acts_key(np.array([7]), np.array([2]), np.array([9]))
    assert key.item() == (7 << 40) + (2 << 24) + 9


def test_module_coordinates_of_corners(tracker: Tracker) -> None:
    modules, row = tracker.modules, np.array([10_000])
    corner = modules.to_global(row, modules.half_width_high[row], modules.half_length[row])
    distance = np.linalg.norm(corner - modules.centre[row])
    assert distance == pytest.approx(np.hypot(modules.half_width_high[row], modules.half_length[row]).item())


def test_cells_follow_the_width_of_each_ring(tracker: Tracker) -> None:
    entries = read_out_entries(tracker)
    widths: dict[int, set[float]] = {}
    for entry in entries:
        first = entry["value"]["geometric"]["segmentation"]["binningdata"][0]
        assert (first["max"] - first["min"]) / first["bins"] in (pytest.approx(p) for p in (0.05, 0.08, 0.12))
        widths.setdefault(entry["volume"], set()).add(first["max"])
    assert widths[12] == widths[14] == {24.2, 32.2, 40.0}
    assert widths[16] == widths[18] == {64.2, 72.0}
    assert widths[8] == {8.4}
    assert len(entries) == 5 + 2 * (1020 + 588)


def test_acts_reads_the_digitisation_and_no_file_stays(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert read_out(tracker) is not None
    assert list(tmp_path.iterdir()) == []
