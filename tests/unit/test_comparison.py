"""How far two payload files differ, format by format."""

import gzip
import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from PIL import Image, PngImagePlugin
from safetensors.numpy import save_file

from prehep.stages.comparison import LOADERS, Difference, compare, compare_arrays

NUMBERS = arrays_of.arrays(np.float64, 4, elements=st.floats(allow_nan=True, allow_infinity=True))


def write(path: Path, values: Any) -> Path:
    """Write named columns in the format of the path; equal values may give other bytes in ROOT files alone."""
    columns = {name: list(column) for name, column in values.items()}
    match path.suffix:
        case ".npy":
            np.save(path, np.asarray(next(iter(values.values()))))
        case ".safetensors":
            save_file({name: np.asarray(column) for name, column in values.items()}, path)
        case ".parquet":
            ak.to_parquet(ak.Array(columns), path)
        case ".csv":
            rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
            path.write_text("\n".join(rows) + "\n")
        case ".json":
            path.write_text(json.dumps(columns))
        case ".root":
            with uproot.recreate(path) as file:
                file.mktree("Events", {name: ak.Array(column).type.content for name, column in columns.items()})
                file["Events"].extend({name: ak.Array(column) for name, column in columns.items()})
    return path


def compared(folder: Path, suffix: str, first: Any, second: Any) -> Difference:
    return compare(write(folder / f"first{suffix}", first), write(folder / f"second{suffix}", second))


@pytest.mark.parametrize("suffix", sorted(LOADERS.keys() - {".png"}))
def test_every_format_tells_equal_close_and_unlike(tmp_path: Path, suffix: str) -> None:
    values = {"x": np.array([4.0, 0.0, -2.0])}
    assert compared(tmp_path, suffix, values, values).identical
    found = compared(tmp_path, suffix, values, {"x": np.array([4.5, 0.25, -2.0])})
    assert (found.identical, found.unlike) == (False, "")
    assert (found.absolute, found.relative) == (0.5, 1.0)
    assert found.tolerance == 0.25  # 4.5 differs by a ninth relatively, 0.25 by a quarter absolutely
    assert compared(tmp_path, suffix, values, {"x": np.array([4.0, 0.0])}).unlike


@pytest.mark.parametrize("suffix", [".safetensors", ".parquet", ".csv", ".json", ".root"])
def test_other_columns_are_named(tmp_path: Path, suffix: str) -> None:
    found = compared(tmp_path, suffix, {"x": [1.0], "y": [2.0]}, {"x": [1.0], "z": [2.0]})
    assert found.unlike.startswith("lost ")
    assert "y" in found.unlike.partition("; new ")[0]
    assert "z" in found.unlike.partition("; new ")[2]


@pytest.mark.parametrize("suffix", [".parquet", ".root"])
def test_lists_within_columns(tmp_path: Path, suffix: str) -> None:
    values = {"pt": [[1.0, 2.0], []]}
    assert compared(tmp_path, suffix, values, {"pt": [[1.0, 2.5], []]}).absolute == 0.5
    found = compared(tmp_path, suffix, values, {"pt": [[1.0], [2.0]]})
    assert "lengths has '2' and '1'" in found.unlike or "npt has" in found.unlike


def test_text_differs(tmp_path: Path) -> None:
    assert (
        compared(tmp_path, ".parquet", {"process": ["tt"]}, {"process": ["zz"]}).unlike == "process has 'tt' and 'zz'"
    )
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("model,auc\na,0.5\n,0.5\n")
    second.write_text("model,auc\nb,0.5\n,0.5\n")
    assert compare(first, second).unlike == "model has 'a' and 'b'"


def test_nested_json(tmp_path: Path) -> None:
    values = {"cuts": [{"pt": 20, "on": True}], "note": None}
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(json.dumps(values))
    second.write_text(json.dumps(values, indent=2))
    found = compare(first, second)
    assert (found.identical, found.tolerance, found.unlike) == (False, 0.0, "")
    assert not found.within(None)
    assert found.within(0.0)
    second.write_text(json.dumps({"cuts": [{"pt": 21, "on": True}], "note": None}))
    assert (compare(first, second).where, compare(first, second).absolute) == ("cuts.0.pt", 1.0)
    second.write_text(json.dumps({"cuts": [{"pt": 20, "on": False}], "note": None}))
    assert compare(first, second).unlike == "cuts.0.on has 'true' and 'false'"


def test_dates_in_root_files_do_not_count(tmp_path: Path) -> None:
    path = write(tmp_path / "first.root", {"x": [1.0]})
    other = write(tmp_path / "second.root", {"x": [1.0]})
    assert path.read_bytes() != other.read_bytes()
    assert compare(path, other).identical


def test_compressed_tables_are_compared_by_value(tmp_path: Path) -> None:
    for name, level in (("first", 1), ("second", 9)):
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(b"x\n1.5\n" * 9, level, mtime=level))
    found = compare(tmp_path / "first.csv.gz", tmp_path / "second.csv.gz")
    assert (found.identical, found.tolerance, found.unlike) == (False, 0.0, "")


def test_pixels_count_from_zero_to_one_and_metadata_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    Image.new("RGB", (2, 2), (255, 0, 51)).save(first)
    text = PngImagePlugin.PngInfo()
    text.add_text("inputs", "0123")
    Image.new("RGB", (2, 2), (255, 0, 51)).save(second, pnginfo=text)
    assert (compare(first, second).identical, compare(first, second).within(0.0)) == (False, True)
    Image.new("RGB", (2, 2), (255, 0, 102)).save(second)
    assert compare(first, second).absolute == pytest.approx(0.2)
    Image.new("RGB", (2, 1)).save(second)
    assert "shape" in compare(first, second).unlike


def test_other_formats_are_compared_by_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    first.write_text("abc")
    second.write_text("abcd")
    assert compare(first, first).identical
    assert compare(first, second) == Difference(unlike="bytes differ (3 and 4)")


@pytest.mark.parametrize("suffix", sorted(LOADERS))
def test_broken_file_is_no_traceback(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    first.write_bytes(b'"\x00\xff')
    second.write_bytes(b"\x89PN")
    assert f"the file cannot be read as {suffix[1:]}: " in compare(first, second).unlike


def test_types_count() -> None:
    found = compare_arrays({"x": np.zeros(1, "f4")}, {"x": np.zeros(1, "f8")})
    assert found.unlike == "x is float32 and float64"


def test_neighbouring_large_integers_differ() -> None:
    large = np.array([2**63], np.uint64)
    assert compare_arrays({"x": large}, {"x": large + np.uint64(1)}).absolute == 1


@given(NUMBERS, NUMBERS)
def test_tolerance_is_the_smallest_that_every_pair_meets(first: Any, second: Any) -> None:
    found = compare_arrays({"x": first}, {"x": second})
    mirrored = compare_arrays({"x": second}, {"x": first})
    assert (found.absolute, found.relative) == (mirrored.absolute, mirrored.relative)
    assert (found.tolerance == 0) == np.array_equal(first, second, equal_nan=True)
    assert found.tolerance <= min(found.absolute, found.relative)
    assert found.within(found.tolerance)
    assert found.tolerance == 0 or not found.within(np.nextafter(found.tolerance, 0))
    same_kind = np.isfinite(first) & np.isfinite(second) | (first == second) | (np.isnan(first) & np.isnan(second))
    assert (found.absolute < np.inf) or not same_kind.all() or np.abs(first - second).max() == np.inf


def test_outcome_reads_as_a_clause() -> None:
    assert str(Difference(identical=True)) == "identical"
    assert str(Difference()) == "equal values in other bytes"
    assert str(Difference(unlike="lost x")) == "lost x"
    found = compare_arrays({"auc": np.array([0.5])}, {"auc": np.array([0.25])})
    assert str(found) == "within 0.25 (largest difference 0.25 absolute, 0.5 relative; in auc)"
