"""How far two payload files of one name differ: not at all, by numbers, or in kind.

Files whose bytes differ are read as named arrays, whatever their format; NaN equals NaN.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prehep.core.digests import digest_file

Arrays = dict[str, NDArray[Any]]
TEXT_KINDS = "OSU"
WHITE = 255.0


@dataclass(frozen=True)
class Difference:
    """The outcome of a comparison.

    Attributes:
        identical: the bytes are equal; for ROOT files the arrays, since bytes depend on the writer.
        absolute: largest absolute difference of two numbers; pixels count from 0 to 1.
        relative: largest difference of two numbers over the larger of their magnitudes.
        tolerance: the smallest tolerance that every pair of numbers meets, absolutely or relatively.
        where: column or entry with the largest difference.
        unlike: a clause that says what cannot be compared by numbers; empty where all can.
    """

    identical: bool = False
    absolute: float = 0.0
    relative: float = 0.0
    tolerance: float = 0.0
    where: str = ""
    unlike: str = ""

    def __str__(self) -> str:
        """Return the outcome as a clause."""
        if self.identical or self.unlike:
            return self.unlike or "identical"
        if not self.tolerance:
            return "equal values in other bytes"
        sizes = f"{self.absolute:.2g} absolute, {self.relative:.2g} relative"
        return f"within {self.tolerance:.2g} (largest difference {sizes}; in {self.where})"

    def within(self, tolerance: float | None) -> bool:
        """Tell whether the files are identical or, where a tolerance is given, differ by no more than it."""
        return self.identical or (tolerance is not None and not self.unlike and self.tolerance <= tolerance)


def compare(first: Path, second: Path) -> Difference:
    """Compare a payload with its recomputation `second`."""
    sizes = first.stat().st_size, second.stat().st_size
    if sizes[0] == sizes[1] and digest_file(first) == digest_file(second):
        return Difference(identical=True)
    kind = Path(first.name.removesuffix(".gz")).suffix
    if kind not in LOADERS:
        return Difference(unlike=f"bytes differ ({sizes[0]} and {sizes[1]})")
    loaded = []
    for path, which in ((first, "the file"), (second, "its recomputation")):
        try:
            loaded.append(LOADERS[kind](path))
        except Exception as error:
            return Difference(unlike=f"{which} cannot be read as {kind.removeprefix('.')}: {error}")
    found = compare_arrays(*loaded)
    same_content = kind == ".root" and not found.unlike and found.tolerance == 0
    return Difference(identical=True) if same_content else found


def compare_arrays(first: Arrays, second: Arrays) -> Difference:
    """Compare named arrays: names, types, shapes and text must be equal, numbers may differ."""
    if first.keys() != second.keys():
        lost, new = (", ".join(sorted(a.keys() - b.keys())) for a, b in ((first, second), (second, first)))
        return Difference(unlike="; ".join(c for c in (lost and f"lost {lost}", new and f"new {new}") if c))
    differences = [_compare_array(name, first[name], second[name]) for name in first]
    for found in differences:
        if found.unlike:
            return found
    worst = max(differences, key=lambda found: found.tolerance, default=Difference())
    absolute = max((found.absolute for found in differences), default=0.0)
    relative = max((found.relative for found in differences), default=0.0)
    return Difference(absolute=absolute, relative=relative, tolerance=worst.tolerance, where=worst.where)


def _compare_array(name: str, first: NDArray[Any], second: NDArray[Any]) -> Difference:
    text = first.dtype.kind in TEXT_KINDS and second.dtype.kind in TEXT_KINDS
    if first.dtype != second.dtype and not text:
        return Difference(unlike=f"{name} is {first.dtype} and {second.dtype}")
    if first.shape != second.shape:
        return Difference(unlike=f"{name} has shape {first.shape} and {second.shape}")
    # only NaN differs from itself
    unequal = (first != second) & ~((first != first) & (second != second))  # noqa: PLR0124
    if not unequal.any():
        return Difference()
    one, other = first[unequal], second[unequal]
    if text:
        return Difference(unlike=f"{name} has '{one[0]}' and '{other[0]}'")
    # wide enough for 64-bit integers that differ by one
    one, other = one.astype(np.longdouble), other.astype(np.longdouble)
    with np.errstate(invalid="ignore"):
        absolute = np.nan_to_num(np.abs(one - other), nan=np.inf, posinf=np.inf)
        relative = np.nan_to_num(absolute / np.fmax(np.abs(one), np.abs(other)), nan=np.inf, posinf=np.inf)
    tolerance = np.minimum(absolute, relative)
    return Difference(
        absolute=float(absolute.max()), relative=float(relative.max()), tolerance=float(tolerance.max()), where=name
    )


def _read_json(path: Path) -> Arrays:
    return dict(_flat_json("", json.loads(path.read_text("utf-8"))))


def _flat_json(name: str, value: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(value, dict | list):
        yield f"{name}.length", np.asarray(str(len(value)))
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat_json(f"{name}.{key}" if name else str(key), item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, np.asarray(value, float)
    else:
        yield name, np.asarray(json.dumps(value))


def _read_csv(path: Path) -> Arrays:
    import pandas as pd

    table = pd.read_csv(path)
    return {str(name): table[name].to_numpy() for name in table}


def _read_parquet(path: Path) -> Arrays:
    import pyarrow.parquet as pq

    return _columns(pq.read_table(path))


def _read_root(path: Path) -> Arrays:
    import awkward as ak
    import uproot

    arrays: Arrays = {}
    with uproot.open(path) as file:
        for tree in file.keys(cycle=False, filter_classname="TTree"):
            table = ak.to_arrow_table(file[tree].arrays(), extensionarray=False)
            arrays |= {f"{tree}.{name}": values for name, values in _columns(table).items()}
    return arrays


def _columns(table: Any) -> Arrays:
    """Return the columns of an Arrow table; of lists, their lengths (as text) and their joined items."""
    import pyarrow as pa

    arrays: Arrays = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        values, path = column.combine_chunks(), name
        while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            arrays[f"{path}.lengths"] = values.value_lengths().to_numpy(zero_copy_only=False).astype(str)
            values, path = values.flatten(), f"{path}.items"
        arrays[path] = values.to_numpy(zero_copy_only=False)
    return arrays


def _read_safetensors(path: Path) -> Arrays:
    from safetensors.numpy import load_file

    return dict(load_file(path))


def _read_png(path: Path) -> Arrays:
    from PIL import Image

    with Image.open(path) as image:
        return {"pixels": np.asarray(image.convert("RGBA"), float) / WHITE}


LOADERS: dict[str, Callable[[Path], Arrays]] = {
    ".npy": lambda path: {"array": np.load(path, mmap_mode="r")},
    ".safetensors": _read_safetensors,
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".json": _read_json,
    ".root": _read_root,
    ".png": _read_png,
}
"""How each format becomes named arrays; files of other formats are compared by bytes alone."""
