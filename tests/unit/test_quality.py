"""Quality: counts and ranges of known tables, and every rule broken once, with the file and the number named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prehep.core.errors import QualityError
from prehep.data import column_summary
from prehep.data.event_quality import check_events
from prehep.data.track_quality import check_tracks

RECORD = {"missing": [], "files": [{"name": "a.root", "rows": 2}, {"name": "b.root", "rows": 1}]}
FLOATS = pa.list_(pa.float32())


def write_events(folder: Path, **changes: Any) -> Path:
    columns = {
        "run": pa.array([1, 1, 1]),
        "luminosityBlock": pa.array([1, 1, 1]),
        "event": pa.array([1, 2, 2], pa.uint64()),
        "identity": pa.array([11, 12, 12], pa.uint64()),
        "weight": pa.array([1.0, -2.0, 1.0]),
        "Muon_pt": pa.array([[10.0, 20.0], [], [5.0]], FLOATS),
        "Muon_eta": pa.array([[-1.0, 2.0], [], [0.5]], FLOATS),
        "MET_pt": pa.array([1.0, 2.0, 3.0], pa.float32()),
        **changes,
    }
    pq.write_table(pa.table(columns), folder / "events.parquet")
    (folder / "schema.json").write_text(json.dumps(RECORD))
    return folder


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_summary_of_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(column_summary, "BATCH_ROWS", batch)
    folder = write_events(tmp_path, process=pa.array(["ttbar", "w_jets", "ttbar"]))
    summary = check_events(folder, "example")
    assert (summary["events"], summary["duplicate_events"]) == (3, 1)
    assert summary["processes"] == {"ttbar": 2, "w_jets": 1}
    muon = summary["columns"]["Muon_pt"]
    assert (muon["values"], muon["min"], muon["max"]) == (3, 5.0, 20.0)
    assert muon["missing_fraction"] == pytest.approx(1 / 3)
    assert summary["columns"]["weight"]["min"] == -2.0


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("Muon_pt", [[10.0, -1.0], [], [-2.0]], r"Muon_pt has 2 values .*negative.*\(1 in a\.root, 1 in b\.root\)"),
        ("Muon_eta", [[1.0, 2.0], [], [np.nan]], r"Muon_eta has 1 values .*NaN.*\(1 in b\.root\)"),
        ("Muon_eta", [[np.inf, 2.0], [], [0.0]], r"Muon_eta has 1 values .*infinite.*\(1 in a\.root\)"),
        ("Muon_pt", [[10.0, np.nan], [], [1.0]], r"Muon_pt has 1 values .*\(1 in a\.root\)"),
    ],
)
def test_broken_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, column: str, values: list[Any], words: str
) -> None:
    monkeypatch.setattr(column_summary, "BATCH_ROWS", batch)
    folder = write_events(tmp_path, **{column: pa.array(values, FLOATS)})
    with pytest.raises(QualityError, match=rf"^dataset example: {words}"):
        check_events(folder, "example")


def test_broken_scalars(tmp_path: Path) -> None:
    folder = write_events(tmp_path, MET_pt=pa.array([1.0, -2.0, 3.0], pa.float32()))
    with pytest.raises(QualityError, match=r"MET_pt has 1 values .*\(1 in a\.root\)"):
        check_events(folder, "example")
    folder = write_events(tmp_path, weight=pa.array([1.0, 1.0, None]))
    with pytest.raises(QualityError, match=r"weight has 1 values .*\(1 in b\.root\)"):
        check_events(folder, "example")


def test_no_events(tmp_path: Path) -> None:
    folder = write_events(tmp_path)
    table = folder / "events.parquet"
    pq.write_table(pq.read_table(table).slice(0, 0), table)
    with pytest.raises(QualityError, match="0 events"):
        check_events(folder, "example")


def write_tracks(folder: Path, **changes: Any) -> Path:
    hits = {
        "event": [3, 3, 4],
        "hit_id": [1, 2, 1],
        "x": [1.0, 2.0, 3.0],
        "y": [1.0, 2.0, 3.0],
        "z": [1.0, 2.0, 3.0],
        "volume": [8, 8, 8],
        "layer": [2, 2, 4],
        "module": [1, 2, 1],
        "particle_id": pa.array([5, 0, 5], pa.uint64()),
        "weight": [0.5, 0.0, 0.5],
    }
    particles = {"event": [3, 4], "particle_id": pa.array([5, 5], pa.uint64()), "px": [1.0, 2.0], "n_hits": [1, 1]}
    modules = {"volume": [8, 8, 8], "layer": [2, 2, 4], "module": [1, 2, 1]}
    for name, table in (("hits", hits), ("particles", particles), ("modules", modules)):
        known = {key: value for key, value in changes.items() if key in table and (name, key) != ("modules", "layer")}
        pq.write_table(pa.table({**table, **known} if name == "hits" else table), folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_summary_of_tracks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(column_summary, "BATCH_ROWS", batch)
    summary = check_tracks(write_tracks(tmp_path), "example")
    found = {name: summary[name] for name in ("events", "modules", "modules_hit", "noise_hits", "duplicate_hits")}
    assert found == {"events": 2, "modules": 3, "modules_hit": 3, "noise_hits": 1, "duplicate_hits": 0}
    assert summary["columns"]["hits"]["x"]["max"] == 3.0


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_duplicate_hits_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(column_summary, "BATCH_ROWS", batch)
    assert check_tracks(write_tracks(tmp_path, hit_id=[1, 1, 1]), "example")["duplicate_hits"] == 1


def test_hit_on_an_unknown_module(tmp_path: Path) -> None:
    with pytest.raises(QualityError, match=r"2 hits lie on modules .*event000000003-hits .*8/2/9"):
        check_tracks(write_tracks(tmp_path, module=[1, 9, 9]), "example")


def test_nan_position(tmp_path: Path) -> None:
    with pytest.raises(QualityError, match=r"x of hits has 1 values .*event000000004-hits"):
        check_tracks(write_tracks(tmp_path, x=[1.0, 2.0, np.nan]), "example")
