"""Stage tokenize_events: ingested events to the arrays that networks and trees read.

Only real objects are written, event by event in the order of their slots. Row groups are read one at a time and the
arrays grow on disk, so memory does not depend on the number of events.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from prehep.core.config.event_tokens import EventTokenSettings
from prehep.core.errors import ConfigError, FormatError
from prehep.core.files import write_text
from prehep.core.logging import logger, progress
from prehep.core.manifest import Manifest, Publication, load_payload, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.data.splits import TRAIN, assign_split
from prehep.tokens.event_encoding import EventEncoding
from prehep.tokens.event_features import KINEMATICS, Scaling, ScalingMeasurement, encode, feature_columns
from prehep.tokens.event_selection import COLUMNS, SelectedEvents, available_objects, select_events
from prehep.tokens.event_slots import filled_slots

CHUNK_EVENTS = 65_536
ENCODING = "encoding.json"
ARRAYS: dict[str, tuple[str, tuple[int, ...]]] = {
    "kinematics": ("<f4", (len(KINEMATICS),)),
    "types": ("|i1", ()),
    "slot": ("|i1", ()),
    "offsets": ("<i8", ()),
    "weights": ("<f4", ()),
    "split": ("|u1", ()),
    "identity": ("<u8", ()),
    "process": ("<i2", ()),
}
"""Type and shape of a row of each array but the features; the first three have one row per object."""


class Spec(StageSpec):
    """What is tokenised and how."""

    name: str = Field(description="name of the tokens")
    data: Path = Field(description="folder of ingest_events")
    settings: EventTokenSettings
    scaling_from: Path | None = Field(None, description="folder of other tokens whose scaling is reused")
    quality: Path = Field(description="folder of check_quality: only checked data are tokenised")


class GrowingArray:
    """A .npy file whose first axis grows; a context manager that writes the final header at the end."""

    def __init__(self, path: Path, dtype: str, *shape: int) -> None:
        self.path, self.dtype, self.shape = path, np.dtype(dtype), shape
        self.length = 0

    def __enter__(self) -> Self:
        self.stream: BinaryIO = self.path.open("wb")
        self._write_header()
        return self

    def append(self, values: NDArray[Any]) -> None:
        """Append rows."""
        self.length += len(values)
        np.ascontiguousarray(values, self.dtype).tofile(self.stream)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write_header()
        self.stream.close()

    def _write_header(self) -> None:
        # numpy leaves room in a header for its first axis to grow, so both headers have one size
        self.stream.seek(0)
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.length, *self.shape)}
        np.lib.format.write_array_header_1_0(self.stream, header)


def run(spec: Spec) -> Manifest:
    """Select, encode and scale the events of one dataset; write the arrays and `encoding.json`.

    Raises:
        ConfigError: the settings ask for objects that the data do not have, or no event passes.
        FormatError: columns are absent, or the encoding to be reused does not fit.
    """
    inputs = [spec.data, spec.quality, *([spec.scaling_from] if spec.scaling_from else [])]
    with publish(spec.output, spec, stage="tokenize_events", code=spec.code, inputs=inputs) as publication:
        cut_flow, processes, missing = _select(spec, publication)
        scaling = _choose_scaling(spec, publication)
        _write_features(spec, publication, scaling)
        encoding = EventEncoding(
            slots=spec.settings.slots,
            features=spec.settings.features,
            columns=feature_columns(spec.settings.features),
            scaling=scaling,
            processes=processes,
            cut_flow=cut_flow,
            missing=missing,
        )
        write_text(publication.payload(ENCODING), encoding.model_dump_json(indent=1) + "\n")
    return read_manifest(spec.output)


def _select(spec: Spec, publication: Publication) -> tuple[dict[str, int], tuple[str, ...], tuple[str, ...]]:
    """Write everything but the features; return the cut flow, the processes and what is missing."""
    settings = spec.settings
    path = load_payload(spec.data, "events.parquet")
    schema = json.loads(load_payload(spec.data, "schema.json").read_text(encoding="utf-8"))
    present = available_objects(settings, schema["columns"], str(spec.data))
    processes = _processes(path)
    cut_flow: Counter[str] = Counter()
    with ExitStack() as stack, progress(f"tokenising {spec.name}", pq.read_metadata(path).num_rows) as shown:
        arrays = {
            name: stack.enter_context(GrowingArray(publication.payload(f"{name}.npy"), dtype, *shape))
            for name, (dtype, shape) in ARRAYS.items()
        }
        arrays["offsets"].append(np.zeros(1, np.int64))
        for chunk in _chunks(path, present, schema["columns"]):
            selected = select_events(chunk, settings, present, float(schema.get("btag_medium") or 0.0))
            cut_flow.update(selected.cut_flow)
            identity = ak.to_numpy(chunk["identity"])[selected.chosen].astype(np.uint64)
            _append_objects(arrays, selected)
            arrays["weights"].append(ak.to_numpy(chunk["weight"])[selected.chosen])
            arrays["split"].append(assign_split(identity, settings.split.valid, settings.split.test))
            arrays["identity"].append(identity)
            arrays["process"].append(_process_index(chunk, processes)[selected.chosen])
            shown.advance(len(chunk))
    logger.info("cut flow of %s: %s", spec.name, dict(cut_flow))
    if not arrays["split"].length:
        raise ConfigError(f"{path}: no event passes the selection {dict(cut_flow)}; loosen the cuts in tokens.")
    return dict(cut_flow), processes, tuple(schema["missing"])


def _append_objects(arrays: Mapping[str, GrowingArray], selected: SelectedEvents) -> None:
    filled = filled_slots(selected.types)
    written = arrays["types"].length
    arrays["kinematics"].append(selected.kinematics[filled.real])
    arrays["types"].append(selected.types[filled.real])
    arrays["slot"].append(filled.slot)
    arrays["offsets"].append(written + np.cumsum(filled.lengths))


def _chunks(path: Path, present: tuple[str, ...], columns: Mapping[str, str]) -> Iterator[ak.Array]:
    wanted = ["identity", "weight"] + [f"{name}_{field}" for name in present for field in COLUMNS[name]]
    wanted += ["process"] if "process" in columns else []
    with pq.ParquetFile(path) as file:
        absent = sorted(set(wanted) - set(file.schema_arrow.names))
        if absent:
            raise FormatError(f"{path} has no column {', '.join(absent)} although schema.json lists it; ingest again.")
        for batch in file.iter_batches(CHUNK_EVENTS, columns=wanted):
            yield ak.from_arrow(batch)


def _processes(path: Path) -> tuple[str, ...]:
    if "process" not in pq.read_schema(path).names:
        return ()
    names = pq.read_table(path, columns=["process"])["process"].unique().to_pylist()
    return tuple(sorted(names))


def _process_index(chunk: ak.Array, processes: tuple[str, ...]) -> NDArray[np.int16]:
    if not processes:
        return np.full(len(chunk), -1, np.int16)
    names = np.array(ak.to_list(chunk["process"]))
    return np.searchsorted(processes, names).astype(np.int16)


def _choose_scaling(spec: Spec, publication: Publication) -> Scaling:
    columns = feature_columns(spec.settings.features)
    if spec.scaling_from is not None:
        path = load_payload(spec.scaling_from, ENCODING)
        try:
            other = EventEncoding.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            raise FormatError(f"{path} is not an encoding of events; tokenise {spec.scaling_from} again.") from error
        if other.columns != columns:
            raise FormatError(
                f"{path} has features {', '.join(other.columns)}, expected {', '.join(columns)}; "
                "use the same tokens.features in both."
            )
        return other.scaling
    if spec.settings.scaling == "none":
        return Scaling.identity(columns)
    measurement = ScalingMeasurement(columns)
    for features, types, split in _encoded(spec, publication):
        measurement.add(features[split == TRAIN], types[split == TRAIN])
    if not measurement.count:
        raise ConfigError(
            f"{spec.data}: no training event passes the selection; use more events or smaller valid and test fractions."
        )
    return measurement.result()


def _write_features(spec: Spec, publication: Publication, scaling: Scaling) -> None:
    with GrowingArray(publication.payload("features.npy"), "<f4", len(scaling.mean)) as array:
        for features, types, _ in _encoded(spec, publication):
            array.append(scaling.apply(features, types))


def _encoded(
    spec: Spec, publication: Publication
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.uint8]]]:
    """Yield unscaled features, types and split of each object of the selected events, a chunk at a time."""
    kinematics, types, offsets, split = (
        np.load(publication.payload(f"{name}.npy"), mmap_mode="r")
        for name in ("kinematics", "types", "offsets", "split")
    )
    for start in range(0, len(split), CHUNK_EVENTS):
        edges = offsets[start : start + CHUNK_EVENTS + 1]
        part = slice(edges[0], edges[-1])
        of_object = np.repeat(split[start : start + CHUNK_EVENTS], np.diff(edges))
        yield encode(kinematics[part], types[part], spec.settings.features), types[part], of_object
