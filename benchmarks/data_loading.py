"""How many batches a second the token data give, beside padded arrays and beside a DataLoader that reads item by item.

All read the same values from memory-mapped files, at the same random indices; their turns are interleaved. Where the
system is Linux, also how many bytes a batch brings from disk where nothing of the file is in memory.
`python benchmarks/data_loading.py --json`.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from prehep.core.mapped import map_rows
from prehep.tokens.ragged import RaggedArrays

COLUMNS = 9
SHORTEST, LONGEST, MEAN = 3, 20, 8
COLD_BATCHES = 5

Arrays = dict[str, NDArray[Any]]
Entry = dict[str, torch.Tensor]
Batches = Iterable[NDArray[np.int64]]
Read = Callable[[Batches], None]
Opener = Callable[[Path], NDArray[Any]]
OPENERS: dict[str, Opener] = {"whole_batches": map_rows, "np_load": partial(np.load, mmap_mode="r")}


class Items(Dataset[Entry]):
    """One entry at a time, as data sets are usually written."""

    def __init__(self, arrays: Arrays, offsets: NDArray[np.int64]) -> None:
        self.arrays, self.offsets = arrays, offsets

    def __getitem__(self, index: int) -> Entry:
        rows = slice(self.offsets[index], self.offsets[index + 1])
        return {name: torch.from_numpy(values[rows].copy()) for name, values in self.arrays.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries of each kind of data")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=9, help="turns of each reader; the median counts")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as scratch:
        for kind, names in {"events": ("features", "types", "kinematics"), "tracks": ("tokens",)}.items():
            folder = Path(scratch) / kind
            folder.mkdir()
            write_arrays(folder, names, given.entries)
            found[kind] = compare(readers(folder, names), given.entries, given.batch_size, given.repeats)
            if sys.platform == "linux":
                indices = np.stack(list(batches(given.entries, given.batch_size, 0, COLD_BATCHES)))
                for label, opener in OPENERS.items():
                    found[kind][f"{label}_megabytes_read"] = read_from_disk(opener, folder, names, indices)
    lines = [f"{kind:8} {name:36} {value}" for kind, part in found.items() for name, value in part.items()]
    sys.stdout.write((json.dumps(found) if given.json else "\n".join(lines)) + "\n")


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    return {"platform": platform.platform(), "processors": os.cpu_count(), "threads": 1, **versions}


def write_arrays(folder: Path, names: Sequence[str], entries: int) -> None:
    """Write flat and padded arrays of random entries with the multiplicities of docs/performance.md."""
    random = np.random.default_rng(1)
    lengths = np.clip(random.poisson(MEAN, entries) + 1, SHORTEST, LONGEST)
    shapes = {"features": (np.float32, (COLUMNS,)), "kinematics": (np.float32, (5,)), "types": (np.int8, ())}
    np.save(folder / "offsets.npy", np.append(0, np.cumsum(lengths)))
    for name in names:
        kind, shape = shapes.get(name, (np.int32, ()))
        flat = random.integers(1, 100, (lengths.sum(), *shape)).astype(kind)
        padded = np.zeros((entries, LONGEST, *shape), kind)
        padded[np.arange(LONGEST) < lengths[:, None]] = flat
        np.save(folder / f"flat-{name}.npy", flat)
        np.save(folder / f"padded-{name}.npy", padded)


def readers(folder: Path, names: Sequence[str]) -> dict[str, Read]:
    """Return the ways to read a batch, each from its own view of the files."""
    offsets = np.load(folder / "offsets.npy")
    flat = {name: map_rows(folder / f"flat-{name}.npy") for name in names}
    padded = {name: map_rows(folder / f"padded-{name}.npy") for name in names}
    ragged, middle = RaggedArrays(flat, offsets), len(offsets) // 2
    first = {name: values[: offsets[middle]] for name, values in flat.items()}
    second = {name: values[offsets[middle] :] for name, values in flat.items()}
    halves = [
        RaggedArrays(first, offsets[: middle + 1]),
        RaggedArrays(second, offsets[middle:] - offsets[middle]),
    ]
    return {
        "whole_batches": partial(read_ragged, ragged),
        "whole_batches_of_two_parts": partial(read_ragged, RaggedArrays.join(halves)),
        "padded_arrays": partial(read_padded, padded),
        "item_by_item": partial(read_items, Items(flat, offsets)),
    }


def read_ragged(data: RaggedArrays, drawn: Batches) -> None:
    """Read batches as the token data do."""
    for indices in drawn:
        for values in data.padded(indices)[0].values():
            torch.from_numpy(values)


def read_padded(arrays: Mapping[str, NDArray[Any]], drawn: Batches) -> None:
    """Read batches from arrays of one length."""
    for indices in drawn:
        for values in arrays.values():
            torch.from_numpy(values[indices])


def read_items(data: Items, drawn: Batches) -> None:
    """Read batches with one DataLoader, entry by entry."""
    for _ in DataLoader(data, batch_sampler=[indices.tolist() for indices in drawn], collate_fn=collate):
        pass


def collate(entries: Sequence[Entry]) -> Entry:
    """Pad entries to the longest and stack them."""
    pad = torch.nn.utils.rnn.pad_sequence
    return {name: pad([entry[name] for entry in entries], batch_first=True) for name in entries[0]}


def compare(found: Mapping[str, Read], entries: int, batch_size: int, repeats: int) -> dict[str, float]:
    """Return batches a second of each way to read, and how many times faster whole batches are."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(repeats + 1):
        for name, read in found.items():
            elapsed = seconds_per_batch(read, batches(entries, batch_size, turn, 10 if name == "item_by_item" else 100))
            # the first turn brings the files into the page cache
            if turn:
                times[name].append(elapsed)
    median = {name: statistics.median(values) for name, values in times.items()}
    speeds = {f"{name}_per_s": round(1 / value, 1) for name, value in median.items()}
    ratios = {
        f"ratio_to_{name}": round(value / median["whole_batches"], 2)
        for name, value in median.items()
        if name != "whole_batches"
    }
    return speeds | ratios


def read_from_disk(opener: Opener, folder: Path, names: Sequence[str], indices: NDArray[np.int64]) -> float:
    """Return megabytes that a batch reads from disk where none of the file is in memory.

    Args:
        opener: how files are mapped.
        folder: of the files; none of them may be mapped elsewhere.
        names: of the arrays.
        indices: (batches, batch).
    """
    for name in names:
        forget(folder / f"flat-{name}.npy")
    data = RaggedArrays({name: opener(folder / f"flat-{name}.npy") for name in names}, np.load(folder / "offsets.npy"))
    before = bytes_read()
    read_ragged(data, indices)
    return round((bytes_read() - before) / len(indices) / 1e6, 2)


def forget(path: Path) -> None:
    """Take a file out of the page cache."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bytes_read() -> int:
    """Return the bytes that this process has read from disk."""
    return int(Path("/proc/self/io").read_text().split("read_bytes: ")[1].split()[0])


def batches(entries: int, batch_size: int, seed: int, number: int) -> Iterator[NDArray[np.int64]]:
    """Yield random indices without replacement, as a training draws them."""
    order = np.random.default_rng(seed).permutation(entries)[: number * batch_size]
    yield from order.reshape(-1, batch_size)


def seconds_per_batch(read: Read, drawn: Iterator[NDArray[np.int64]]) -> float:
    """Return the mean time of a batch."""
    chosen = list(drawn)
    start = time.perf_counter()
    read(chosen)
    return (time.perf_counter() - start) / len(chosen)


if __name__ == "__main__":
    main()
