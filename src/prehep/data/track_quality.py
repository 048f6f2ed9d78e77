"""What ingested tables of hits, particles and modules hold, and whether later stages can rely on them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from prehep.core.errors import QualityError
from prehep.data.column_summary import ColumnSummary, read_batches

MODULE_KEYS = ("volume", "layer", "module")


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
        for batch in read_batches(path):
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


def _raise_in_event(events: NDArray[np.int64], summary: ColumnSummary, table: str, dataset: str) -> None:
    if events.size:
        raise QualityError(
            f"dataset {dataset}: {summary.name} of {table} has {events.size} values that are {summary.rule}, "
            f"first in event{events[0]:09d}-{table}; expected none, remove that event."
        )


def _module_keys(table: pa.Table | pa.RecordBatch) -> NDArray[np.int64]:
    """Return one integer per row for volume, layer and module, each below 2^20."""
    volume, layer, module = (table.column(name).to_numpy().astype(np.int64) for name in MODULE_KEYS)
    return np.asarray((volume << 40) + (layer << 20) + module, np.int64)
