"""TrackML events and detector geometry as Arrow tables: Kaggle (accuracy phase) and CodaLab (throughput phase).

Columns are found by name, so their order and an index column do not matter. The phases differ in `particle_type`,
which only later particle files have, and in which optional columns the geometry has; `nhits` is counted and `weight`
is 1 where a file has none. Units: mm, GeV.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from prehep.core.errors import FormatError
from prehep.data.archives import EVENT_FILE, GEOMETRY_FILE, Member

HIT_COLUMNS: dict[str, pa.DataType] = {
    "hit_id": pa.int64(),
    "x": pa.float32(),
    "y": pa.float32(),
    "z": pa.float32(),
    "volume_id": pa.int32(),
    "layer_id": pa.int32(),
    "module_id": pa.int32(),
}
TRUTH_COLUMNS: dict[str, pa.DataType] = {"hit_id": pa.int64(), "particle_id": pa.uint64()}
PARTICLE_COLUMNS: dict[str, pa.DataType] = {
    "particle_id": pa.uint64(),
    **dict.fromkeys(("vx", "vy", "vz", "px", "py", "pz", "q"), pa.float32()),
}
MODULE_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("volume_id", "layer_id", "module_id"), pa.int32()),
    **dict.fromkeys(("cx", "cy", "cz"), pa.float64()),
}
MODULE_SHAPE = (
    *(f"rot_{axis}{local}" for axis in "xyz" for local in "uvw"),
    "module_t",
    "module_minhu",
    "module_maxhu",
    "module_hv",
    "pitch_u",
    "pitch_v",
)
ALIASES = {"cell_size_u": "pitch_u", "cell_size_v": "pitch_v"}
RENAMED = {"volume_id": "volume", "layer_id": "layer", "module_id": "module", "q": "charge", "nhits": "n_hits"}
HIT_SCHEMA = pa.schema(
    [("event", pa.int64())]
    + [(RENAMED.get(name, name), kind) for name, kind in HIT_COLUMNS.items()]
    + [("particle_id", pa.uint64()), ("weight", pa.float32())]
)
PARTICLE_SCHEMA = pa.schema(
    [("event", pa.int64())]
    + [(name, kind) for name, kind in PARTICLE_COLUMNS.items() if name != "q"]
    + [("charge", pa.int32()), ("n_hits", pa.int32())]
)
KINDS = ("hits", "truth", "particles")


@dataclass(frozen=True)
class TrackEvent:
    """One event: tables with the columns of HIT_SCHEMA and PARTICLE_SCHEMA."""

    number: int
    hits: pa.Table
    particles: pa.Table


def group_events(members: Sequence[Member], dataset: str) -> dict[int, dict[str, Member]]:
    """Return the files of each event by number and kind, in the order of event numbers.

    Raises:
        FormatError: there is no event, a part of an event is absent, or there are two files for one part.
    """
    events: dict[int, dict[str, Member]] = {}
    for member in members:
        if match := EVENT_FILE.match(member.name):
            parts = events.setdefault(int(match["event"]), {})
            other = parts.setdefault(match["kind"], member)
            if other is not member:
                raise FormatError(f"{member.label} and {other.label} are the same part of one event; remove one.")
    for parts in events.values():
        if absent := [kind for kind in KINDS if kind not in parts]:
            some = next(iter(parts.values()))
            raise FormatError(f"{some.label} has no {' and no '.join(absent)} file beside it; add it to {dataset}.")
    if not events:
        raise FormatError(f"dataset {dataset} has no event*-hits.csv; check its `files`.")
    return dict(sorted(events.items()))


def read_event(number: int, parts: Mapping[str, Member]) -> TrackEvent:
    """Read hits, truth and particles of one event.

    Raises:
        FormatError: a file is cut short, lacks a column, or hits and truth do not match.
    """
    hits = _read_csv(parts["hits"], HIT_COLUMNS)
    truth = _read_csv(parts["truth"], TRUTH_COLUMNS, {"weight": pa.float32()})
    particles = _read_csv(parts["particles"], PARTICLE_COLUMNS, {"nhits": pa.int32()})
    if not hits.num_rows:
        raise FormatError(f"{parts['hits'].label} has 0 hits; remove this event from the dataset's files.")
    rows = _truth_rows(hits, truth, parts)
    owner = truth["particle_id"].take(rows)
    weight = truth["weight"].take(rows) if "weight" in truth.column_names else _constant(1.0, hits.num_rows)
    event = _constant(number, hits.num_rows)
    hits = hits.add_column(0, "event", event).append_column("particle_id", owner).append_column("weight", weight)
    if "nhits" not in particles.column_names:
        particles = particles.append_column("nhits", _count_hits(particles, owner))
    particles = particles.add_column(0, "event", _constant(number, particles.num_rows))
    return TrackEvent(number, _conform(hits, HIT_SCHEMA), _conform(particles, PARTICLE_SCHEMA))


def read_modules(members: Sequence[Member], dataset: str) -> pa.Table:
    """Read the detector geometry: one row per module, sorted by volume, layer and module.

    Columns: volume, layer, module (int32), cx, cy, cz (mm), and where the file has them the rotation matrix rot_xu …
    rot_zw (local u, v, w to global), module_t, module_minhu, module_maxhu, module_hv, pitch_u and pitch_v (mm).

    Raises:
        FormatError: there is no geometry file, two of them differ, or a module occurs twice.
    """
    geometries = [member for member in members if GEOMETRY_FILE.match(member.name)]
    if not geometries:
        raise FormatError(f"dataset {dataset} has no detectors.csv; add the detector geometry to its `files`.")
    first = geometries[0]
    content = first.read()
    for other in geometries[1:]:
        if other.read() != content:
            raise FormatError(f"{other.label} and {first.label} differ; one dataset needs one detector geometry.")
    table = _parse_csv(content, first.label, MODULE_COLUMNS, dict.fromkeys(MODULE_SHAPE, pa.float64()))
    names = [RENAMED.get(name, name) for name in table.column_names]
    table = table.rename_columns(names)
    keys = ["volume", "layer", "module"]
    if len(table.group_by(keys).aggregate([])) != len(table):
        raise FormatError(f"{first.label} has two rows for one module; fetch it again.")
    return table.sort_by([(key, "ascending") for key in keys])


def _read_csv(
    member: Member, required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType] | None = None
) -> pa.Table:
    return _parse_csv(member.read(), member.label, required, optional or {})


def _parse_csv(
    content: bytes, label: str, required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType]
) -> pa.Table:
    header = content.partition(b"\n")[0].decode(errors="replace").strip()
    names = [ALIASES.get(name.strip(), name.strip()) for name in header.split(",")]
    absent = [name for name in required if name not in names]
    if absent:
        raise FormatError(f"{label} has no column {', '.join(absent)}, only {header[:120]!r}; is it a TrackML file?")
    if not content.endswith(b"\n"):
        raise FormatError(f"{label} is cut short: its last line has no end; fetch it again.")
    types = {name: kind for name, kind in {**required, **optional}.items() if name in names}
    try:
        table = csv.read_csv(
            io.BytesIO(content),
            read_options=csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            convert_options=csv.ConvertOptions(column_types=types, include_columns=[*types]),
        )
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise FormatError(f"{label} is damaged or cut short ({reason}); fetch it again.") from error
    if empty := sum(column.null_count for column in table.columns):
        raise FormatError(f"{label} has {empty} empty values; fetch it again.")
    return table


def _truth_rows(hits: pa.Table, truth: pa.Table, parts: Mapping[str, Member]) -> pa.Array:
    """Return for each hit the row of its truth."""
    rows = pc.index_in(hits["hit_id"], value_set=truth["hit_id"])
    if rows.null_count or hits.num_rows != truth.num_rows:
        raise FormatError(
            f"{parts['truth'].label} has {truth.num_rows} rows and {parts['hits'].label} {hits.num_rows}, "
            f"{rows.null_count} of them without truth; one is cut short or of another event, fetch both again."
        )
    return rows


def _count_hits(particles: pa.Table, owner: pa.ChunkedArray) -> pa.Array:
    found, counts = np.unique(owner.to_numpy(), return_counts=True)
    index = pc.index_in(particles["particle_id"], value_set=pa.array(found))
    number: NDArray[np.int32] = pa.array(counts.astype(np.int32)).take(index).fill_null(0)
    return number


def _constant(value: float, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), size)


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    renamed = table.rename_columns([RENAMED.get(name, name) for name in table.column_names])
    return renamed.select(schema.names).cast(schema)
