"""Reconstructed events as a NanoAOD-format ROOT file, with equal bytes for equal events."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from prehep.core.digests import digest_arrays

TREE = "Events"
FILE_IDENTIFIER = uuid.UUID(int=1)
FILE_DATE = (2000 - 1995) << 26 | 1 << 22 | 1 << 17
"""1 January 2000 in ROOT's encoding: years since 1995, month and day."""
INTEGER_BRANCHES = {"charge": np.int32, "hadronFlavour": np.int32, "pdgId": np.int32, "status": np.int32}
SCALAR_TYPES = {
    "run": np.uint32,
    "luminosityBlock": np.uint32,
    "event": np.uint64,
    "genWeight": np.float32,
    "MET_pt": np.float32,
    "MET_phi": np.float32,
    "Generator_process": np.int32,
}
COLLECTIONS = ("Muon", "Electron", "Jet")


def nanoaod_branches(events: Any, *, labels: bool) -> dict[str, Any]:
    """Return the branches of the `Events` tree.

    Args:
        events: records of `detect_events` with run, luminosityBlock, event, genWeight and Generator_process.
        labels: keep what only a generator knows: hadronFlavour, GenPart and Generator_process.

    Returns:
        Name to awkward records `(events, objects)` (written as nX and X_field) or flat arrays `(events,)`.
    """
    branches: dict[str, Any] = {
        name: np.asarray(ak.to_numpy(events[name]), dtype=kind)
        for name, kind in SCALAR_TYPES.items()
        if not name.startswith(("MET_", "Generator_"))
    }
    branches["MET_pt"] = np.asarray(events.MET.pt, dtype=np.float32)
    branches["MET_phi"] = np.asarray(events.MET.phi, dtype=np.float32)
    if labels:
        branches["Generator_process"] = np.asarray(events.Generator_process, dtype=np.int32)
    for name in (*COLLECTIONS, *(("GenPart",) if labels else ())):
        fields = [field for field in ak.fields(events[name]) if labels or field != "hadronFlavour"]
        branches[name] = ak.zip(
            {field: ak.values_astype(events[name][field], INTEGER_BRANCHES.get(field, np.float32)) for field in fields}
        )
    return branches


def write_nanoaod(path: Path, branches: dict[str, Any]) -> None:
    """Write the branches as tree `Events` of a ROOT file with a fixed identifier and date."""
    import uproot

    with _fixed_dates(), uproot.recreate(path, uuid_function=lambda: FILE_IDENTIFIER) as file:
        tree = file.mktree(TREE, {name: _branch_type(values) for name, values in branches.items()})
        tree.extend(branches)


def digest_branches(branches: dict[str, Any]) -> str:
    """Return the digest of the arrays of a tree, equal whenever every branch of two files is equal."""
    flat: dict[str, NDArray[Any]] = {}
    for name, values in branches.items():
        if isinstance(values, np.ndarray):
            flat[name] = values
            continue
        flat[f"n{name}"] = ak.to_numpy(ak.num(values)).astype(np.int64)
        for field in ak.fields(values):
            flat[f"{name}_{field}"] = ak.to_numpy(ak.flatten(values[field]))
    return digest_arrays(flat)


@contextmanager
def _fixed_dates() -> Iterator[None]:
    """Let uproot write the fixed date wherever it would write the present one; it has no option for this."""
    from uproot import _util

    encode = _util.datetime_to_code
    _util.datetime_to_code = lambda _: FILE_DATE
    try:
        yield
    finally:
        _util.datetime_to_code = encode


def _branch_type(values: Any) -> Any:
    return values.dtype if isinstance(values, np.ndarray) else values.type.content
