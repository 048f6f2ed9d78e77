"""What a user sees of broken input: one line that names the file, a failing exit status, nothing left behind."""

import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from running import ROOT

from prehep.core.digests import digest_file
from prehep.core.manifest import publish
from prehep.core.specification import StageSpec

SHARED = ROOT.parent / "shared" / "data"
LIMIT_BYTES = 10_000


def run_script(rule: str, spec: dict[str, Any], prepare: Callable[[], None] | None = None) -> tuple[int, str]:
    """Run a workflow script as Snakemake does; return its exit status and standard error."""
    log = Path(spec["output"]).parent / "log"
    command = [sys.executable, str(ROOT / "workflow_scripts" / f"{rule}.py"), "--spec", json.dumps(spec)]
    result = subprocess.run(
        [*command, "--log", str(log)], capture_output=True, text=True, check=False, preexec_fn=prepare
    )
    return result.returncode, result.stderr


def shard(folder: Path, *files: Path) -> str:
    """Put files into the folder of a finished fetch."""
    with publish(folder, StageSpec(output=folder), stage="fetch_file", code="") as publication:
        for path in files:
            shutil.copy(path, publication.payload(path.name))
    return str(folder)


def assert_one_line(status: int, error: str, output: Path, *words: str) -> None:
    assert status == 1
    assert error.startswith("prehep: ")
    assert error.count("\n") == 1, error
    for word in words:
        assert word in error
    assert not output.exists()


def events_spec(tmp_path: Path, *files: Path) -> dict[str, Any]:
    shards = [shard(tmp_path / "shard", *files)]
    return {"output": str(tmp_path / "out"), "dataset": "d", "reader": "nanoaod", "shards": shards}


def test_root_file_without_events(tmp_path: Path) -> None:
    path = tmp_path / "other.root"
    with uproot.recreate(path) as file:
        file["Runs"] = {"run": np.arange(3)}
    status, error = run_script("ingest_events", events_spec(tmp_path, path))
    assert_one_line(status, error, tmp_path / "out", "other.root", "Events")


def test_file_that_is_no_root_file(tmp_path: Path) -> None:
    path = tmp_path / "page.root"
    path.write_text("<html>not found</html>")
    status, error = run_script("ingest_events", events_spec(tmp_path, path))
    assert_one_line(status, error, tmp_path / "out", "page.root")


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_empty_root_file(tmp_path: Path) -> None:
    status, error = run_script("ingest_events", events_spec(tmp_path, SHARED / "cms" / "nano_dy_empty.root"))
    assert_one_line(status, error, tmp_path / "out", "nano_dy_empty.root", "0 events")


EVENT = {
    "hits": "hit_id,x,y,z,volume_id,layer_id,module_id\n1,32.0,3.0,4.0,8,2,1\n2,72.0,1.0,8.0,8,4,1\n",
    "truth": "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n1,7,32,3,4,1,0,0,0.5\n2,7,72,1,8,1,0,0,0.5\n",
    "particles": "particle_id,vx,vy,vz,px,py,pz,q,nhits\n7,0,0,0,1,0,0,1,2\n",
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_truncated_csv(tmp_path: Path) -> None:
    files = [tmp_path / f"event000000001-{part}.csv" for part in EVENT]
    for path, text in zip(files, EVENT.values(), strict=True):
        path.write_text(text)
    geometry = SHARED / "trackml" / "detectors.csv.gz"
    spec = {"output": str(tmp_path / "out"), "dataset": "d"}
    status, error = run_script("ingest_tracks", {**spec, "shards": [shard(tmp_path / "whole", *files, geometry)]})
    assert status == 0, error
    shutil.rmtree(tmp_path / "out")
    files[0].write_text(EVENT["hits"][:-9])
    status, error = run_script("ingest_tracks", {**spec, "shards": [shard(tmp_path / "cut", *files, geometry)]})
    assert_one_line(status, error, tmp_path / "out", "event000000001-hits.csv")


def test_truncated_gzip(tmp_path: Path) -> None:
    path = tmp_path / "detectors.csv.gz"
    path.write_bytes(gzip.compress(b"volume_id,layer_id,module_id,cx,cy,cz\n" + b"7,2,1,0.1,0.2,0.3\n" * 500)[:80])
    spec = {"output": str(tmp_path / "out"), "dataset": "d", "shards": [shard(tmp_path / "shard", path)]}
    status, error = run_script("ingest_tracks", spec)
    assert_one_line(status, error, tmp_path / "out", "detectors.csv.gz")


def fetch_spec(tmp_path: Path, url: str, **known: Any) -> dict[str, Any]:
    return {"output": str(tmp_path / "out"), "file": {"url": url, "name": "big.bin", **known}}


def test_no_internet(tmp_path: Path) -> None:
    status, error = run_script("fetch_file", fetch_spec(tmp_path, "http://127.0.0.1:9/big.bin", size=3))
    assert_one_line(status, error, tmp_path / "out", "http://127.0.0.1:9/big.bin")


def test_wrong_checksum(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(b"abc")
    spec = fetch_spec(tmp_path, path.as_uri(), size=3, checksum="sha256:" + "0" * 64)
    status, error = run_script("fetch_file", spec)
    assert_one_line(status, error, tmp_path / "out", "big.bin", "0000", digest_file(path)[:8])


def test_terminated_job_leaves_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "big.bin"
    os.mkfifo(pipe)
    command = [sys.executable, str(ROOT / "workflow_scripts" / "fetch_file.py")]
    spec = json.dumps(fetch_spec(tmp_path, pipe.as_uri()))
    with subprocess.Popen([*command, "--spec", spec, "--log", str(tmp_path / "log")]) as process:
        for _ in range(200):
            if (tmp_path / "out").exists():
                break
            time.sleep(0.05)
        assert (tmp_path / "out").exists()
        process.terminate()
    assert process.returncode == 143
    assert not (tmp_path / "out").exists()


def test_no_space(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(b"x" * 5 * LIMIT_BYTES)
    # a limit on the size of files fails like a full disk, at a write half-way
    limit = (LIMIT_BYTES, LIMIT_BYTES)
    status, error = run_script(
        "fetch_file", fetch_spec(tmp_path, path.as_uri()), lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    assert_one_line(status, error, tmp_path / "out", "big.bin")
