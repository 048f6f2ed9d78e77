"""Stage ingest_events: table, schema record and manifest; nothing is left after an error."""

import json
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from prehep.core.config.remote_files import RemoteFile
from prehep.core.digests import digest_file
from prehep.core.errors import FormatError
from prehep.stages import check_quality, fetch_file
from prehep.stages.ingest_events import Spec, run
from prehep.workflow.parts import CERTIFIED_READER, CHECKS

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
MUONS_ONLY = ("Electron", "Jet", "MET")
FULL = [
    "DYJetsToLL--UL17_v6-v2_109_Skim.root",
    "EGamma_F_Skim.root",
    "nano_dimuon.root",
    "NanoAODv5_sample.root",
    "nanoAOD_2015_CMS_Open_Data_ttbar.root",
]


def fetched(folder: Path, source: Path) -> Path:
    output = folder / "fetched" / source.name
    fetch_file.run(fetch_file.Spec(output=output, file=RemoteFile(url=source.as_uri(), name=source.name)))
    return output


def muon_file(path: Path, first_event: int, size: int = 4) -> Path:
    numbers = np.arange(size)
    muons = {
        part: ak.unflatten(np.full(size, 0.5, np.float32), np.ones(size, int)) for part in ("pt", "eta", "phi", "mass")
    }
    muons["charge"] = ak.values_astype(muons["pt"] > 1, np.int32)
    tree = {
        "run": np.full(size, 7, np.uint32),
        "luminosityBlock": (numbers + 1).astype(np.uint32),
        "event": (numbers + first_event).astype(np.uint64),
    }
    with uproot.recreate(path) as root:
        root.mktree("Events", {**{key: value.dtype for key, value in tree.items()}, "Muon": ak.zip(muons).type.content})
        root["Events"].extend({**tree, "Muon": ak.zip(muons)})
    return path


def test_shards_become_one_table(tmp_path: Path) -> None:
    shards = tuple(
        fetched(tmp_path, muon_file(tmp_path / f"{name}.root", first)) for name, first in (("a", 0), ("b", 100))
    )
    spec = Spec(output=tmp_path / "out", dataset="example", reader="nanoaod", shards=shards, missing=MUONS_ONLY)
    manifest = run(spec)
    assert sorted(manifest.payloads) == ["events.parquet", "schema.json"]
    assert len(manifest.inputs) == 2
    table = pq.read_table(tmp_path / "out" / "events.parquet")
    assert table["event"].to_pylist() == [0, 1, 2, 3, 100, 101, 102, 103]
    record = json.loads((tmp_path / "out" / "schema.json").read_text())
    assert record["columns"]["Muon_pt"] == "list<item: float not null>"
    assert set(record["columns"]) == set(table.column_names)
    assert record["missing"] == list(MUONS_ONLY)
    assert (record["btag_branch"], record["btag_medium"], record["events"]) == (None, None, 8)
    sha256 = digest_file(tmp_path / "a.root")
    assert record["files"][0] == {"name": "a.root", "sha256": sha256, "entries": 4, "rows": 4}
    assert json.loads(table.schema.metadata[b"prehep"])["reader"] == "nanoaod"
    column = pq.ParquetFile(tmp_path / "out" / "events.parquet").metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    shard = fetched(tmp_path, muon_file(tmp_path / "a.root", 0))
    digests = {
        run(Spec(output=tmp_path / name, dataset="d", reader="nanoaod", shards=(shard,), missing=MUONS_ONLY)).digest
        for name in ("first", "second")
    }
    assert len(digests) == 1


def test_certified_runs(tmp_path: Path) -> None:
    shard = fetched(tmp_path, muon_file(tmp_path / "a.root", 0))
    (tmp_path / "list.json").write_text('{"7": [[2, 3]]}')
    certified = fetched(tmp_path, tmp_path / "list.json")
    spec = Spec(
        output=tmp_path / "out",
        dataset="d",
        reader="nanoaod",
        shards=(shard,),
        missing=MUONS_ONLY,
        certified=certified,
        certified_reader=CERTIFIED_READER,
    )
    run(spec)
    assert pq.read_table(tmp_path / "out" / "events.parquet")["event"].to_pylist() == [1, 2]
    (file,) = json.loads((tmp_path / "out" / "schema.json").read_text())["files"]
    assert (file["entries"], file["rows"]) == (4, 2)


def test_files_of_equal_name_are_told_apart(tmp_path: Path) -> None:
    shards = []
    for index in range(2):
        (tmp_path / f"source{index}").mkdir()
        shards.append(
            fetched(tmp_path / f"shard{index}", muon_file(tmp_path / f"source{index}" / "a.root", 10 * index))
        )
    shards = [shard.rename(tmp_path / f"shard-{index}") for index, shard in enumerate(shards)]
    run(Spec(output=tmp_path / "out", dataset="d", reader="nanoaod", shards=tuple(shards), missing=MUONS_ONLY))
    files = json.loads((tmp_path / "out" / "schema.json").read_text())["files"]
    assert [file["name"] for file in files] == ["shard-0/a.root", "shard-1/a.root"]


def test_error_leaves_nothing(tmp_path: Path) -> None:
    shard = fetched(tmp_path, muon_file(tmp_path / "a.root", 0))
    with pytest.raises(FormatError, match=r"a\.root has no branch"):
        run(Spec(output=tmp_path / "out", dataset="d", reader="nanoaod", shards=(shard,)))
    assert not (tmp_path / "out").exists()


@needs_shared
@pytest.mark.parametrize("name", FULL)
def test_shipped_files_pass_the_quality_check(tmp_path: Path, name: str) -> None:
    shard = fetched(tmp_path, SHARED / "cms" / name)
    run(Spec(output=tmp_path / "events", dataset="d", reader="nanoaod", shards=(shard,)))
    quality = check_quality.Spec(
        output=tmp_path / "quality", dataset="d", check=CHECKS["events"], data=tmp_path / "events"
    )
    check_quality.run(quality)
    summary = json.loads((tmp_path / "quality" / "quality.json").read_text())
    record = json.loads((tmp_path / "events" / "schema.json").read_text())
    assert summary["events"] == record["events"]
    assert summary["duplicate_events"] == 0
    unfilled = name.startswith("nanoAOD_2015")
    assert record["btag_branch"] == ("Jet_btagCSVV2" if unfilled else "Jet_btagDeepFlavB")


@needs_shared
def test_shipped_collisions_of_2012(tmp_path: Path) -> None:
    shard = fetched(tmp_path, next((SHARED / "cms").glob("agc_*.root")))
    missing = (*MUONS_ONLY, "run", "luminosityBlock", "event")
    run(Spec(output=tmp_path / "events", dataset="d", reader="nanoaod_2012", shards=(shard,), missing=missing))
    quality = check_quality.Spec(
        output=tmp_path / "quality", dataset="d", check=CHECKS["events"], data=tmp_path / "events"
    )
    check_quality.run(quality)
    summary = json.loads((tmp_path / "quality" / "quality.json").read_text())
    assert (summary["events"], summary["duplicate_events"], summary["duplicates_by"]) == (100_000, 0, "entry")
