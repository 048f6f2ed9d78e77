"""What an ingested table of events holds, and whether later stages can rely on it.

The table is read batch by batch; only the identities of the events stay in memory.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from prehep.core.errors import QualityError
from prehep.data.column_summary import ColumnSummary, read_batches


def check_events(folder: Path, dataset: str) -> dict[str, Any]:
    """Summarise an event table and check it.

    Args:
        folder: where `events.parquet` is and `schema.json`, which says from which file each row came.
        dataset: name for messages.

    Raises:
        QualityError: NaN or infinity in a column, a negative pT, or no events; names the file and the number.
    """
    table, record = folder / "events.parquet", json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    names = [name for name in pq.read_schema(table).names if name not in ("event", "identity", "process")]
    summaries = {name: ColumnSummary(name, positive=name.endswith("_pt")) for name in names}
    faults: dict[str, list[NDArray[np.int64]]] = {name: [] for name in names}
    identities, processes, rows = [], [], 0
    for batch in read_batches(table):
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


def _raise_for(rows: NDArray[np.int64], summary: ColumnSummary, record: Mapping[str, Any], dataset: str) -> None:
    if not rows.size:
        return
    ends = np.cumsum([file["rows"] for file in record["files"]])
    sources, counts = np.unique(np.searchsorted(ends, rows, side="right"), return_counts=True)
    named = ", ".join(
        f"{count} in {record['files'][source]['name']}" for source, count in zip(sources, counts, strict=True)
    )
    raise QualityError(
        f"dataset {dataset}: {summary.name} has {rows.size} values that are {summary.rule} ({named}); "
        "expected none, remove the file or declare the object missing."
    )


def _sum_counts(parts: list[pa.StructArray]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for part in parts:
        for item in part.to_pylist():
            totals[item["values"]] = totals.get(item["values"], 0) + item["counts"]
    return dict(sorted(totals.items()))
