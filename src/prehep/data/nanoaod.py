"""NanoAOD-format ROOT files (CMS v5 to v9, the reduced 2012 ones, prehep's simulation) as Arrow tables.

Files are read in steps of whole events; nothing loops over records.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import awkward as ak
import numpy as np
import pyarrow as pa
import uproot
from numpy.typing import NDArray

from prehep.core.config.processes import Process
from prehep.core.errors import FormatError
from prehep.data.event_columns import (
    BTAG_MEDIUM,
    IDENTITY,
    PROCESS,
    Columns,
    Reader,
    check_branches,
    choose_columns,
    table_schema,
)
from prehep.data.identity import entry_identity, event_identity

if TYPE_CHECKING:
    from prehep.data.certified import CertifiedRuns

TREE = "Events"
WEIGHT = "genWeight"
LABEL = "Generator_process"
STEP_EVENTS = 100_000
PROBED_EVENTS = 5_000
PROCESSES: tuple[str, ...] = get_args(Process)
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    uproot.DeserializationError,
    uproot.KeyInFileError,
)


@dataclass(frozen=True)
class InputFile:
    """A file to read: where it is, the name to show, and the digest of its content."""

    path: Path
    name: str
    digest: str


@dataclass(frozen=True)
class EventFormat:
    """What the files of a dataset hold and how to read them."""

    dataset: str
    reader: Reader
    columns: Columns
    btag_branch: str | None
    btag_medium: float | None
    labelled: bool

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the tables that are read."""
        return table_schema(self.columns, self.labelled)


def survey(
    files: Sequence[InputFile],
    dataset: str,
    reader: Reader,
    missing: Sequence[str],
    btag_branch: str | None = None,
    btag_medium: float | None = None,
) -> tuple[EventFormat, list[int]]:
    """Open every file, check that it can be read, and return the format and the number of events of each file.

    Args:
        files: the files of one dataset.
        dataset: its name, for error messages.
        reader: which default b-tag branches apply.
        missing: objects and branches that the dataset declares absent.
        btag_branch: jet branch of the b-tag score; None: the first known one that is filled in the first file.
        btag_medium: its medium working point; None: the usual one of that score.

    Raises:
        FormatError: a file is not ROOT, has no `Events`, no events, or lacks a branch that is not declared missing.
    """
    entries: list[int] = []
    first: EventFormat | None = None
    for file in files:
        with open_events(file) as tree:
            present = set(tree.keys())
            if first is None:
                first = _format_of(tree, dataset, reader, missing, btag_branch)
            _check_file(file, present, first)
            entries.append(int(tree.num_entries))
    if first is None:
        raise FormatError(f"dataset {dataset} has no ROOT file to read; check its `files`.")
    usual = BTAG_MEDIUM[reader].get(first.btag_branch or "")
    medium = btag_medium if btag_medium is not None else usual
    if first.btag_branch and medium is None:
        raise FormatError(f"dataset {dataset} uses {first.btag_branch}; give its working point as `btag_medium`.")
    return replace(first, btag_medium=medium if first.btag_branch else None), entries


def read_tables(
    file: InputFile, events: EventFormat, step: int = STEP_EVENTS, certified: "CertifiedRuns | None" = None
) -> Iterator[tuple[pa.Table, int]]:
    """Yield the events of a file as tables, each with the number of events read for it.

    Args:
        file: the file to read.
        events: format from `survey`.
        step: events per table.
        certified: keep only these luminosity sections.

    Raises:
        FormatError: the file cannot be read to its end.
    """
    with open_events(file) as tree:
        weighted = WEIGHT in tree
        wanted = [*dict.fromkeys(events.columns.branches.values())]
        extra = [WEIGHT] * weighted + [LABEL] * events.labelled
        for chunk, report in tree.iterate(wanted + extra, step_size=step, library="ak", report=True):
            table = _to_table(chunk, report.tree_entry_start, file, events, weighted)
            read = len(table)
            if certified is not None:
                keep = certified.contains(table["run"].to_numpy(), table["luminosityBlock"].to_numpy())
                table = table.filter(pa.array(keep))
            yield table, read


@contextmanager
def open_events(file: InputFile) -> Iterator[Any]:
    """Yield the tree `Events` of a file.

    Raises:
        FormatError: the file is not ROOT, is damaged, or has no such tree, or no events.
    """
    try:
        with uproot.open(file.path) as root:
            yield _event_tree(root, file)
    except UNREADABLE as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise FormatError(f"{file.name} cannot be read as a ROOT file ({reason}); fetch it again.") from error


def _event_tree(root: Any, file: InputFile) -> Any:
    if TREE not in root:
        names = ", ".join(root.keys(recursive=False, cycle=False)) or "nothing"
        raise FormatError(f"{file.name} has no tree {TREE}, only {names}; is it a NanoAOD file?")
    tree = root[TREE]
    if tree.num_entries == 0:
        raise FormatError(f"{file.name} has 0 events; remove it from the dataset's files.")
    return tree


def _format_of(tree: Any, dataset: str, reader: Reader, missing: Sequence[str], btag_branch: str | None) -> EventFormat:
    scored = not {"Jet", "Jet_btag"} & set(missing)
    chosen = (btag_branch or _first_filled(tree, reader)) if scored else None
    columns = choose_columns(missing, chosen)
    labelled = LABEL in tree
    return EventFormat(dataset, reader, columns, chosen, None, labelled)


def _first_filled(tree: Any, reader: Reader) -> str:
    """Return the best b-tag branch with at least one valid score, since old files carry unfilled ones (all -3000)."""
    known = [*BTAG_MEDIUM[reader]]
    for branch in known:
        if branch in tree:
            score = ak.to_numpy(ak.flatten(tree[branch].array(entry_stop=PROBED_EVENTS)))
            if ((score >= 0) & (score <= 1)).any():
                return branch
    return next((branch for branch in known if branch in tree), known[0])


def _check_file(file: InputFile, present: set[str], events: EventFormat) -> None:
    check_branches(events.columns, present, file.name, events.dataset)
    simulated = any(name.startswith("GenPart_") for name in present)
    if events.reader == "nanoaod" and simulated and WEIGHT not in present | set(events.columns.missing):
        raise FormatError(
            f"{file.name} is simulation (it has GenPart) but has no branch {WEIGHT}; if this is meant, add "
            f"['{WEIGHT}'] to `missing` of dataset {events.dataset} (config/datasets/{events.dataset}.yaml)."
        )
    if (LABEL in present) != events.labelled:
        raise FormatError(f"{file.name} differs from the dataset's first file in having labels; do not mix the two.")


def _to_table(chunk: ak.Array, start: int, file: InputFile, events: EventFormat, weighted: bool) -> pa.Table:
    size = len(chunk)
    entry = np.arange(start, start + size)
    arrays = {name: ak.to_numpy(chunk[name]) for name in events.columns.identity}
    if len(arrays) == len(IDENTITY):
        identity = event_identity(*(arrays[name] for name in IDENTITY))
    else:
        identity = entry_identity(file.digest, entry)
    columns: dict[str, Any] = {
        "run": arrays.get("run", np.full(size, -1)),
        "luminosityBlock": arrays.get("luminosityBlock", np.full(size, -1)),
        "event": arrays.get("event", entry),
        "identity": identity,
        "weight": ak.to_numpy(chunk[WEIGHT]) if weighted else np.ones(size),
    }
    if events.labelled:
        columns[PROCESS] = pa.array(PROCESSES).take(pa.array(ak.to_numpy(chunk[LABEL])))
    jagged = set(events.columns.jagged)
    for column, branch in events.columns.branches.items():
        if column in jagged:
            columns[column] = _list_array(chunk[branch])
        elif column not in IDENTITY:
            columns[column] = ak.to_numpy(chunk[branch])
    _check_lengths(columns, jagged, file)
    schema = events.schema
    return pa.table({field.name: _cast(columns[field.name], field.type) for field in schema}, schema=schema)


def _list_array(values: ak.Array) -> pa.ListArray:
    layout = ak.to_layout(ak.to_packed(values))
    offsets = np.asarray(layout.offsets.data, np.int32)
    content: NDArray[Any] = np.asarray(layout.content.data)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(content))


def _check_lengths(columns: dict[str, Any], jagged: set[str], file: InputFile) -> None:
    """Check that the properties of one collection have equal numbers of objects in every event."""
    first: dict[str, str] = {}
    for name in sorted(jagged):
        other = first.setdefault(name.split("_")[0], name)
        if not columns[name].offsets.equals(columns[other].offsets):
            raise FormatError(f"{file.name}: {name} and {other} differ in the number of objects; the file is damaged.")


def _cast(values: Any, kind: pa.DataType) -> pa.Array:
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return array.cast(kind)
