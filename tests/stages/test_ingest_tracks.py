"""Stage ingest_tracks: tables from files spread over folders; a cut file leaves nothing."""

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from prehep.core.config.remote_files import RemoteFile
from prehep.core.errors import FormatError
from prehep.stages import check_quality, fetch_file
from prehep.stages.ingest_tracks import Spec, run
from prehep.workflow.parts import CHECKS

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
FILES = {
    "event000000005-hits.csv": "hit_id,x,y,z,volume_id,layer_id,module_id\n1,1,2,3,8,2,1\n2,4,5,6,8,2,1\n",
    "event000000005-truth.csv": "hit_id,particle_id,weight\n1,9,0.5\n2,0,0\n",
    "event000000005-particles.csv": "particle_id,vx,vy,vz,px,py,pz,q,nhits\n9,0,0,1,0.3,0.4,2,1,1\n",
    "detectors.csv": "volume_id,layer_id,module_id,cx,cy,cz\n8,2,1,1,2,3\n",
}


def fetched(folder: Path, files: dict[str, str]) -> tuple[Path, ...]:
    """Fetch each file into a folder of its own, every second one gzipped."""
    outputs = []
    for index, (name, text) in enumerate(files.items()):
        source = folder / (f"{name}.gz" if index % 2 else name)
        source.write_bytes(gzip.compress(text.encode(), mtime=0) if index % 2 else text.encode())
        outputs.append(folder / "fetched" / source.name)
        fetch_file.run(fetch_file.Spec(output=outputs[-1], file=RemoteFile(url=source.as_uri(), name=source.name)))
    return tuple(outputs)


def test_tables(tmp_path: Path) -> None:
    manifest = run(Spec(output=tmp_path / "out", dataset="example", shards=fetched(tmp_path, FILES)))
    assert sorted(manifest.payloads) == ["hits.parquet", "modules.parquet", "particles.parquet", "schema.json"]
    hits = pq.read_table(tmp_path / "out" / "hits.parquet")
    assert hits["particle_id"].to_pylist() == [9, 0]
    record = json.loads((tmp_path / "out" / "schema.json").read_text())
    assert (record["events"], record["hits"], record["particles"], record["modules"]) == (1, 2, 1, 1)
    assert record["columns"]["hits"]["particle_id"] == "uint64"
    assert len(record["files"]) == 4


def test_truncated_file_leaves_nothing(tmp_path: Path) -> None:
    files = dict(FILES)
    files["event000000005-hits.csv"] = files["event000000005-hits.csv"][:-4]
    with pytest.raises(FormatError, match=r"event000000005-hits\.csv is"):
        run(Spec(output=tmp_path / "out", dataset="example", shards=fetched(tmp_path, files)))
    assert not (tmp_path / "out").exists()


@needs_shared
def test_shipped_event_passes_the_quality_check(tmp_path: Path) -> None:
    shards = []
    for source in sorted((SHARED / "trackml").glob("*.csv.gz")):
        if "cells" not in source.name:
            shards.append(tmp_path / source.name)
            fetch_file.run(fetch_file.Spec(output=shards[-1], file=RemoteFile(url=source.as_uri(), name=source.name)))
    run(Spec(output=tmp_path / "tracks", dataset="trackml_event", shards=tuple(shards)))
    quality = check_quality.Spec(
        output=tmp_path / "quality", dataset="d", check=CHECKS["tracks"], data=tmp_path / "tracks"
    )
    check_quality.run(quality)
    summary = json.loads((tmp_path / "quality" / "quality.json").read_text())
    assert (summary["events"], summary["modules"], summary["duplicate_hits"]) == (1, 18_728, 0)
    assert summary["columns"]["hits"]["x"]["values"] == 5527
