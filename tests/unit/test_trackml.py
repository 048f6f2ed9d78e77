"""Reading TrackML: both dialects, plain, gzipped and archived; cut or inconsistent files are one-line errors."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from trackml_examples import contents, write_files

from prehep.core.errors import FormatError
from prehep.data.archives import open_members
from prehep.data.trackml import HIT_SCHEMA, PARTICLE_SCHEMA, TrackEvent, group_events, read_event, read_modules

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
PARTICLE = 4503668346847232


def read(paths: Sequence[Path]) -> tuple[list[TrackEvent], pa.Table]:
    with open_members(paths) as members:
        events = [read_event(number, parts) for number, parts in group_events(members, "example").items()]
        return events, read_modules(members, "example")


def archive(folder: Path, kind: str, files: dict[str, bytes]) -> list[Path]:
    """Pack everything but the geometry, which stays beside the archive."""
    path = folder / f"train.{kind.replace('+', '.')}"
    events = {f"train/{name}": text for name, text in files.items() if name.startswith("event")}
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as target:
            for name, text in events.items():
                target.writestr(name, text)
    else:
        members = {f"{name}.gz": gzip.compress(text) for name, text in events.items()}
        if kind == "tar+zip":
            path = folder / "train.tar"
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as inner:
                for name, text in events.items():
                    inner.writestr(name, text)
            members = {"train.zip": packed.getvalue()}
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as target:
            for name, text in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                target.addfile(entry, io.BytesIO(text))
    return [path, *write_files(folder, {"detectors.csv": files["detectors.csv"]})]


@pytest.mark.parametrize("dialect", ["kaggle", "codalab"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_values(tmp_path: Path, dialect: str, gzipped: bool) -> None:
    (first, second), modules = read(write_files(tmp_path, contents(dialect), gzipped=gzipped))
    assert (first.number, second.number) == (7, 21)
    assert first.hits.schema == HIT_SCHEMA
    assert first.hits["x"].to_pylist() == [1.5, 4, 7]
    assert first.hits["module"].to_pylist() == [1, 2, 1]
    assert first.hits["particle_id"].to_pylist() == [PARTICLE, 0, PARTICLE]
    assert first.hits["weight"].to_pylist() == [0.25, 0, 0.75]
    assert second.hits["event"].to_pylist() == [21, 21, 21]
    assert first.particles.schema == PARTICLE_SCHEMA
    assert first.particles.to_pylist()[0]["n_hits"] == 2
    assert first.particles["charge"].to_pylist() == [-1]
    assert modules.select(["volume", "layer", "module"]).to_pylist() == [
        {"volume": 8, "layer": 2, "module": 1},
        {"volume": 8, "layer": 2, "module": 2},
    ]
    assert modules["cx"].to_pylist() == [-10, 10]
    assert modules["pitch_v"].to_pylist() == [0.056, 0.056]
    assert ("rot_zw" in modules.column_names) == (dialect == "kaggle")


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "tar+zip"])
def test_archives_are_read_in_place(tmp_path: Path, kind: str) -> None:
    plain, _ = read(write_files(tmp_path / "plain", contents()))
    (tmp_path / "packed").mkdir()
    paths = archive(tmp_path / "packed", kind, contents())
    packed, _ = read(paths)
    assert [event.hits for event in packed] == [event.hits for event in plain]
    assert [event.particles for event in packed] == [event.particles for event in plain]
    assert sorted(path.name for path in (tmp_path / "packed").iterdir()) == sorted(path.name for path in paths)


def test_hits_in_another_order_than_the_truth(tmp_path: Path) -> None:
    files = contents(events=(7,))
    head, *rows = files["event000000007-truth.csv"].splitlines(keepends=True)
    files["event000000007-truth.csv"] = b"".join([head, *rows[::-1]])
    (event,), _ = read(write_files(tmp_path, files))
    assert event.hits["particle_id"].to_pylist() == [PARTICLE, 0, PARTICLE]
    assert event.hits["weight"].to_pylist() == [0.25, 0, 0.75]


def test_truth_without_weight_counts_every_hit_once(tmp_path: Path) -> None:
    files = contents(events=(7,))
    truth = files["event000000007-truth.csv"].splitlines()
    files["event000000007-truth.csv"] = b"\n".join(row.rpartition(b",")[0] for row in truth) + b"\n"
    (event,), _ = read(write_files(tmp_path, files))
    assert event.hits["weight"].to_pylist() == [1, 1, 1]


@pytest.mark.parametrize("cut", [1, 3, 9, 14, 40])
@pytest.mark.parametrize("kind", ["hits", "truth", "particles"])
def test_truncated_csv(tmp_path: Path, kind: str, cut: int) -> None:
    files = contents(events=(7,))
    name = f"event000000007-{kind}.csv"
    files[name] = files[name][:-cut]
    with pytest.raises(FormatError, match=r"event000000007-") as caught:
        read(write_files(tmp_path, files))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_truncated_gzip(tmp_path: Path, kept: float) -> None:
    paths = write_files(tmp_path, contents(events=(7,)), gzipped=True)
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FormatError, match=r"^event000000007-hits\.csv\.gz is damaged or cut short"):
        read(paths)


def test_truncated_archives(tmp_path: Path) -> None:
    for kind in ("tar.gz", "zip"):
        folder = tmp_path / kind
        folder.mkdir()
        paths = archive(folder, kind, contents())
        paths[0].write_bytes(paths[0].read_bytes()[:200])
        with pytest.raises(FormatError, match=paths[0].name):
            read(paths)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"event000000007-truth.csv": None}, "has no truth file beside it"),
        ({"detectors.csv": None}, r"no detectors\.csv"),
        ({"event000000007-hits.csv": b"hit_id,x,y\n1,2,3\n"}, "has no column z, volume_id"),
        ({"event000000007-hits.csv": b"hit_id,x,y,z,volume_id,layer_id,module_id\n"}, "has 0 hits"),
        ({"event000000007-truth.csv": b"hit_id,particle_id\n1,2\n5,0\n3,2\n"}, "1 of them without truth"),
        ({"event000000007-particles.csv": b"particle_id,vx,vy,vz,px,py,pz,q\n1,,0,0,0,0,0,1\n"}, "1 empty values"),
    ],
)
def test_inconsistent_events(tmp_path: Path, change: dict[str, bytes | None], words: str) -> None:
    files = {name: text for name, text in {**contents(events=(7,)), **change}.items() if text is not None}
    with pytest.raises(FormatError, match=words):
        read(write_files(tmp_path, files))


def test_two_files_for_one_part(tmp_path: Path) -> None:
    paths = [path for name in ("a", "b") for path in write_files(tmp_path / name, contents(events=(7,)))]
    with pytest.raises(FormatError, match="same part of one event"):
        read(paths)


def test_geometries_must_agree(tmp_path: Path) -> None:
    first = write_files(tmp_path / "a", contents(events=(7,)))
    same = write_files(tmp_path / "b", {"detectors.csv": contents()["detectors.csv"]}, gzipped=True)
    assert len(read([*first, *same])[1]) == 2
    other = write_files(tmp_path / "c", {"detectors.csv": contents("codalab")["detectors.csv"]})
    with pytest.raises(FormatError, match="one dataset needs one detector geometry"):
        read([*first, *other])


@needs_shared
def test_shipped_event() -> None:
    (event,), modules = read(sorted((SHARED / "trackml").glob("*.csv.gz")))
    assert (event.number, event.hits.num_rows, event.particles.num_rows, modules.num_rows) == (1, 5527, 548, 18728)
    volumes, counts = np.unique(modules["volume"].to_numpy(), return_counts=True)
    assert dict(zip(volumes.tolist(), counts.tolist(), strict=True)) == {
        7: 756, 8: 2492, 9: 756, 12: 1020, 13: 5796, 14: 1020, 16: 588, 17: 5712, 18: 588,
    }  # fmt: skip
