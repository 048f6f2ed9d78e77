"""Stage check_quality: writes its summary, refuses bad data without leaving a result."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prehep.core.errors import CorruptPayloadError, QualityError
from prehep.core.manifest import publish
from prehep.core.specification import StageSpec
from prehep.stages.check_quality import Spec, run
from prehep.workflow.parts import CHECKS


def ingested(folder: Path, muon_pt: list[list[float]]) -> Path:
    rows = len(muon_pt)
    table = {
        "run": np.ones(rows, np.int64),
        "identity": np.arange(rows, dtype=np.uint64),
        "weight": np.ones(rows),
        "Muon_pt": pa.array(muon_pt, pa.list_(pa.float32())),
    }
    record = {"missing": [], "files": [{"name": "a.root", "rows": rows}]}
    with publish(folder, StageSpec(output=folder), stage="ingest_events") as publication:
        pq.write_table(pa.table(table), publication.payload("events.parquet"))
        publication.payload("schema.json").write_text(json.dumps(record))
    return folder


def test_summary(tmp_path: Path) -> None:
    data = ingested(tmp_path / "data", [[1.0, 2.0], []])
    manifest = run(Spec(output=tmp_path / "out", dataset="example", check=CHECKS["events"], data=data))
    assert [*manifest.payloads] == ["quality.json"]
    summary = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert (summary["dataset"], summary["events"]) == ("example", 2)
    assert summary["columns"]["Muon_pt"]["missing_fraction"] == 0.5


def test_bad_data(tmp_path: Path) -> None:
    data = ingested(tmp_path / "data", [[1.0, -2.0], []])
    with pytest.raises(QualityError, match=r"Muon_pt has 1 values .*1 in a\.root"):
        run(Spec(output=tmp_path / "out", dataset="example", check=CHECKS["events"], data=data))
    assert not (tmp_path / "out").exists()


def test_changed_table_is_noticed(tmp_path: Path) -> None:
    data = ingested(tmp_path / "data", [[1.0]])
    path = data / "events.parquet"
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(CorruptPayloadError):
        run(Spec(output=tmp_path / "out", dataset="example", check=CHECKS["events"], data=data))
