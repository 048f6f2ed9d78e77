"""Counts, ranges and faults of the columns of a table, which is read batch by batch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

BATCH_ROWS = 200_000


class ColumnSummary:
    """Running count, range and faults of one column."""

    def __init__(self, name: str, *, required: bool = True, positive: bool = False) -> None:
        self.name, self.required, self.positive = name, required, positive
        self.values = self.not_finite = self.empty = self.rows = 0
        self.low, self.high = np.inf, -np.inf

    @property
    def rule(self) -> str:
        """What a value that breaks a rule is."""
        return "negative, NaN or infinite" if self.positive else "NaN or infinite"

    def add(self, column: pa.Array) -> NDArray[np.int64]:
        """Take in a batch; return the rows, counted from the batch's start, that break a rule (once per fault)."""
        nested = pa.types.is_list(column.type)
        values = column.flatten() if nested else column
        numbers = np.asarray(values.to_numpy(zero_copy_only=False), np.float64)
        finite = np.isfinite(numbers)
        self.rows += len(column)
        self.values += numbers.size
        self.not_finite += int((~finite).sum())
        self.empty += (
            int(pc.sum(pc.equal(pc.list_value_length(column), 0)).as_py() or 0) if nested else column.null_count
        )
        if finite.any():
            self.low = min(self.low, float(numbers[finite].min()))
            self.high = max(self.high, float(numbers[finite].max()))
        bad = ~finite if self.required else np.zeros(numbers.size, bool)
        if self.positive:
            bad |= numbers < 0
        parents = column.value_parent_indices().to_numpy() if nested else np.arange(numbers.size)
        return np.asarray(parents[bad], np.int64)

    def describe(self) -> dict[str, Any]:
        """Return the JSON-ready summary; `missing_fraction` is that of rows without a value."""
        seen = self.values > self.not_finite
        return {
            "values": self.values,
            "missing_fraction": self.empty / self.rows if self.rows else 0.0,
            "not_finite": self.not_finite,
            "min": self.low if seen else None,
            "max": self.high if seen else None,
        }


def read_batches(table: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file, at most BATCH_ROWS at a time."""
    with pq.ParquetFile(table) as file:
        yield from file.iter_batches(batch_size=BATCH_ROWS)
