"""Entries of different lengths: flat arrays that share offsets, in one or several parts, read a whole batch at a time.

Entry i of a part owns the rows `offsets[i]:offsets[i + 1]` of each flat array. The arrays may be memory-mapped: only
the rows of the entries that are asked for are read (where arrays are in C order), and joined parts are not copied.
Offsets take 8 bytes per entry, memory-mapped as well; `lengths` takes 8 more, in memory, once it is used.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prehep.core.errors import FormatError

CHUNK_ENTRIES = 1 << 20

Arrays = dict[str, NDArray[Any]]


class RaggedPart(NamedTuple):
    """Flat arrays by name, each (rows, ...), and their offsets (entries + 1,) int64, the first of them 0."""

    arrays: Arrays
    offsets: NDArray[np.int64]


class RaggedArrays:
    """Entries of different lengths; an index counts through all parts.

    Args:
        arrays: flat arrays by name, each (rows, ...).
        offsets: (entries + 1,) int64.

    Raises:
        FormatError: the offsets do not end where the arrays do.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], offsets: NDArray[np.int64]) -> None:
        for name, values in arrays.items():
            if len(values) != offsets[-1]:
                raise FormatError(
                    f"{name} has {len(values)} rows but the offsets end at {int(offsets[-1])}; tokenise the data again."
                )
        # a plain view: indexing an np.memmap itself is slower, and reads no less
        views = {name: np.asarray(values) for name, values in arrays.items()}
        self._set_parts([RaggedPart(views, np.asarray(offsets))])

    def _set_parts(self, parts: Sequence[RaggedPart]) -> None:
        self.parts = tuple(parts)
        entries = [len(part.offsets) - 1 for part in parts]
        self.starts: NDArray[np.int64] = np.concatenate([[0], np.cumsum(entries)]).astype(np.int64)

    @classmethod
    def join(cls, parts: "Sequence[RaggedArrays]") -> "RaggedArrays":
        """Return the entries of all parts, one after the other, without copying any; the names must be the same."""
        joined = cls.__new__(cls)
        joined._set_parts([part for ragged in parts for part in ragged.parts])
        return joined

    def __len__(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Return the rows of every entry, (entries,) int64."""
        return np.concatenate([np.diff(part.offsets) for part in self.parts])

    @property
    def longest(self) -> int:
        """Return the rows of the longest entry, 0 where there is none."""
        found = 0
        for part in self.parts:
            for start in range(0, len(part.offsets) - 1, CHUNK_ENTRIES):
                found = max(found, int(np.diff(part.offsets[start : start + CHUNK_ENTRIES + 1]).max()))
        return found

    def gather(
        self, indices: NDArray[np.int64], names: Sequence[str] | None = None
    ) -> tuple[Arrays, NDArray[np.int64]]:
        """Copy the rows of some entries, one entry after the other.

        Args:
            indices: (batch,) of the entries, in any order, also repeated.
            names: of the arrays, by default all.

        Returns:
            Arrays by name, each (rows of these entries, ...), and the rows of each entry (batch,) int64.

        Raises:
            IndexError: an index is negative or too large.
        """
        part, first, lengths = self._locate(indices)
        ends = np.cumsum(lengths)
        rows = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - lengths), lengths)
        if len(self.parts) == 1:
            wanted = self.parts[0].arrays
            return {name: wanted[name].take(rows, axis=0) for name in names or wanted}, lengths
        return self._gather_parts(np.repeat(part, lengths), rows, names or tuple(self.parts[0].arrays)), lengths

    def padded(
        self, indices: NDArray[np.int64], names: Sequence[str] | None = None
    ) -> tuple[Arrays, NDArray[np.int64]]:
        """Copy some entries side by side, each from place 0 on, with zeros up to the longest of them.

        Args:
            indices: (batch,) of the entries, in any order, also repeated.
            names: of the arrays, by default all.

        Returns:
            Arrays by name, each (batch, longest, ...), and the rows of each entry (batch,) int64.

        Raises:
            IndexError: an index is negative or too large.
        """
        flat, lengths = self.gather(indices, names)
        real = left_aligned(lengths)
        # faster than the mask itself, which every array would have to be searched with
        place = np.flatnonzero(real)
        padded = {name: np.zeros((real.size, *values.shape[1:]), values.dtype) for name, values in flat.items()}
        for name, values in flat.items():
            padded[name][place] = values
        return {name: values.reshape(*real.shape, *values.shape[1:]) for name, values in padded.items()}, lengths

    def _locate(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the part, the first row and the number of rows of each entry."""
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"indices reach from {indices.min()} to {indices.max()}, there are {len(self)} entries")
        part = np.searchsorted(self.starts, indices, side="right") - 1
        first, last = np.empty(len(indices), np.int64), np.empty(len(indices), np.int64)
        for number in np.unique(part):
            chosen, offsets = part == number, self.parts[number].offsets
            place = indices[chosen] - self.starts[number]
            first[chosen], last[chosen] = offsets[place], offsets[place + 1]
        return part, first, last - first

    def _gather_parts(self, part: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]) -> Arrays:
        example = self.parts[0].arrays
        found = {name: np.empty((len(rows), *example[name].shape[1:]), example[name].dtype) for name in names}
        for number in np.unique(part):
            chosen, arrays = np.flatnonzero(part == number), self.parts[number].arrays
            for name in names:
                found[name][chosen] = arrays[name].take(rows[chosen], axis=0)
        return found


def left_aligned(lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (batch, longest), True at the first `lengths` places of each row."""
    return np.arange(lengths.max(initial=0)) < lengths[:, None]
