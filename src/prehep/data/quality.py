"""What ingested tables hold, and whether later stages can rely on them.

Tables are read row group by row group; only the identities of the events stay in memory.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from prehep.core.errors import QualityError

BATCH_ROWS = 200_000
MODULE_KEYS = ("volume", "layer", "module")
Record = Mapping[str, Any]


class ColumnSummary:
    """Running count, range and faults of one column."""

    def __init__(self, name: str, *, required: bool = True, positive: bool = False) -> None:
        self.name, self.required, self.positive = name, required, positive
        self.values = self.not_finite = self.empty = self.rows = 0
        self.low, self.high = np.inf, -np.inf

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


def check_events(table: Path, record: Record, dataset: str) -> dict[str, Any]:
    """Summarise an event table and check it.

    Args:
        table: `events.parquet` of ingest_events.
        record: its `schema.json`, which says from which file each row came.
        dataset: name for messages.

    Raises:
        QualityError: NaN or infinity in a column, a negative pT, or no events; names the file and the number.
    """
    names = [name for name in pq.read_schema(table).names if name not in ("event", "identity", "process")]
    summaries = {name: ColumnSummary(name, positive=name.endswith("_pt")) for name in names}
    faults: dict[str, list[NDArray[np.int64]]] = {name: [] for name in names}
    identities, processes, rows = [], [], 0
    for batch in _batches(table):
        for name, summary in summaries.items():
            faults[name].append(summary.add(batch.column(name)) + rows)
        identities.append(batch.column("identity").to_numpy())
        if "process" in batch.schema.names:
            processes.append(pc.value_counts(batch.column("process")))
        rows += batch.num_rows
    if not rows:
        raise QualityError(f"dataset {dataset} has 0 events after ingestion; check its files and certified_runs.")
    for name, found in faults.items():
        _raise_for(np.concatenate(found), summaries[name], record, dataset)
    identity = np.concatenate(identities)
    return {
        "dataset": dataset,
        "events": rows,
        "duplicate_events": int(rows - np.unique(identity).size),
        "duplicates_by": "entry" if {"run", "luminosityBlock", "event"} & {*record["missing"]} else "run, lumi, event",
        "processes": _sum_counts(processes),
        "columns": {name: summary.describe() for name, summary in summaries.items()},
    }


def check_tracks(folder: Path, dataset: str) -> dict[str, Any]:
    """Summarise the tables of a track dataset and check them.

    Args:
        folder: where `hits.parquet`, `particles.parquet` and `modules.parquet` are.
        dataset: name for messages.

    Raises:
        QualityError: NaN in a column, or hits on modules that the geometry does not have; names the event and number.
    """
    geometry = HitGeometry(pq.read_table(folder / "modules.parquet", columns=[*MODULE_KEYS]))
    summaries: dict[str, dict[str, Any]] = {}
    noise, hit_ids = 0, HitIdentifiers()
    for table in ("hits", "particles"):
        path = folder / f"{table}.parquet"
        names = [name for name in pq.read_schema(path).names if not name.endswith("_id")]
        columns = {name: ColumnSummary(name, positive=name in ("weight", "n_hits")) for name in names}
        for batch in _batches(path):
            event = batch.column("event").to_numpy()
            for summary in columns.values():
                _raise_in_event(event[summary.add(batch.column(summary.name))], summary, table, dataset)
            if table == "hits":
                geometry.check(batch, event, dataset)
                noise += int(pc.sum(pc.equal(batch.column("particle_id"), 0)).as_py() or 0)
                hit_ids.add(event, batch.column("hit_id").to_numpy())
        summaries[table] = {name: summary.describe() for name, summary in columns.items()}
    hit_ids.finish()
    return {
        "dataset": dataset,
        "events": hit_ids.events,
        "modules": int(geometry.known.size),
        "modules_hit": int(geometry.hit.sum()),
        "noise_hits": noise,
        "duplicate_hits": hit_ids.duplicates,
        "columns": summaries,
    }


class HitIdentifiers:
    """Counts events and repeated (event, hit_id) pairs; the rows of one event follow each other."""

    def __init__(self) -> None:
        self.events = self.duplicates = 0
        self.pending = np.zeros((2, 0), np.int64)

    def add(self, event: NDArray[np.int64], hit_id: NDArray[np.int64]) -> None:
        """Take in a batch; its last event is kept, since the next batch may go on with it."""
        pairs = np.concatenate([self.pending, np.stack([event, hit_id])], axis=1)
        last = pairs[0] == pairs[0, -1]
        self._count(pairs[:, ~last])
        self.pending = pairs[:, last]

    def finish(self) -> None:
        """Count the last event."""
        self._count(self.pending)

    def _count(self, pairs: NDArray[np.int64]) -> None:
        self.events += int(np.unique(pairs[0]).size)
        order = np.lexsort(pairs[::-1])
        repeated = (np.diff(pairs[:, order], axis=1) == 0).all(axis=0)
        self.duplicates += int(repeated.sum())


class HitGeometry:
    """The modules of a detector and which of them were hit."""

    def __init__(self, modules: pa.Table) -> None:
        self.known = np.sort(_module_keys(modules))
        self.hit = np.zeros(self.known.size, bool)

    def check(self, batch: pa.RecordBatch, event: NDArray[np.int64], dataset: str) -> None:
        """Take in the hits of a batch.

        Raises:
            QualityError: hits lie on unknown modules.
        """
        keys = _module_keys(batch)
        index = np.minimum(np.searchsorted(self.known, keys), self.known.size - 1)
        unknown = self.known[index] != keys
        if unknown.any():
            first = int(np.flatnonzero(unknown)[0])
            module = "/".join(str(batch.column(name)[first]) for name in MODULE_KEYS)
            raise QualityError(
                f"dataset {dataset}: {int(unknown.sum())} hits lie on modules that detectors.csv does not have, "
                f"first in event{event[first]:09d}-hits (volume/layer/module {module}); use their own geometry."
            )
        self.hit[index] = True


def _batches(table: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(table) as file:
        yield from file.iter_batches(batch_size=BATCH_ROWS)


def _raise_for(rows: NDArray[np.int64], summary: ColumnSummary, record: Record, dataset: str) -> None:
    if not rows.size:
        return
    ends = np.cumsum([file["rows"] for file in record["files"]])
    sources, counts = np.unique(np.searchsorted(ends, rows, side="right"), return_counts=True)
    named = ", ".join(
        f"{count} in {record['files'][source]['name']}" for source, count in zip(sources, counts, strict=True)
    )
    raise QualityError(
        f"dataset {dataset}: {summary.name} has {rows.size} values that are {_rule(summary)} ({named}); "
        "expected none, remove the file or declare the object missing."
    )


def _raise_in_event(events: NDArray[np.int64], summary: ColumnSummary, table: str, dataset: str) -> None:
    if events.size:
        raise QualityError(
            f"dataset {dataset}: {summary.name} of {table} has {events.size} values that are {_rule(summary)}, "
            f"first in event{events[0]:09d}-{table}; expected none, remove that event."
        )


def _rule(summary: ColumnSummary) -> str:
    return "negative, NaN or infinite" if summary.positive else "NaN or infinite"


def _module_keys(table: pa.Table | pa.RecordBatch) -> NDArray[np.int64]:
    """Return one integer per row for volume, layer and module, each below 2^20."""
    volume, layer, module = (table.column(name).to_numpy().astype(np.int64) for name in MODULE_KEYS)
    return np.asarray((volume << 40) + (layer << 20) + module, np.int64)


def _sum_counts(parts: list[pa.StructArray]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for part in parts:
        for item in part.to_pylist():
            totals[item["values"]] = totals.get(item["values"], 0) + item["counts"]
    return dict(sorted(totals.items()))
