"""Columns of an ingested event table, and the branches of a file that fill them.

Units: GeV, rad. An object or branch that a dataset declares missing has no column; nothing else may be absent.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from prehep.core.errors import FormatError
from prehep.data.parquet import required

Reader = Literal["nanoaod", "nanoaod_2012"]
IDENTITY = ("run", "luminosityBlock", "event")
KINEMATICS = ("pt", "eta", "phi", "mass")
OBJECTS: dict[str, tuple[str, ...]] = {
    "Muon": (*KINEMATICS, "charge"),
    "Electron": (*KINEMATICS, "charge"),
    "Jet": (*KINEMATICS, "btag"),
}
MET = ("MET_pt", "MET_phi")
PROCESS = "process"

# Best first. Medium working points: DeepJet UL18, DeepCSV 2016 legacy, CSVv2 80X, CSV 8 TeV (CMS b-tagging group).
BTAG_MEDIUM: dict[str, dict[str, float]] = {
    "nanoaod": {"Jet_btagDeepFlavB": 0.2783, "Jet_btagDeepB": 0.6321, "Jet_btagCSVV2": 0.8484},
    "nanoaod_2012": {"Jet_btag": 0.679},
}


@dataclass(frozen=True)
class Columns:
    """Columns of one dataset and the branch that each list or scalar column is read from."""

    missing: tuple[str, ...]
    branches: dict[str, str]

    @property
    def jagged(self) -> tuple[str, ...]:
        """Names of the columns with one list per event."""
        return tuple(name for name in self.branches if name.split("_")[0] in OBJECTS)

    @property
    def identity(self) -> tuple[str, ...]:
        """Those of run, luminosityBlock and event that are read."""
        return tuple(name for name in IDENTITY if name in self.branches)


def choose_columns(missing: Sequence[str], btag_branch: str | None) -> Columns:
    """Return the columns of a dataset, given what it declares missing and its b-tag branch."""
    absent = set(missing)
    branches = {name: name for name in IDENTITY}
    for collection, properties in OBJECTS.items():
        for name in properties:
            column = f"{collection}_{name}"
            branches[column] = btag_branch if name == "btag" and btag_branch else column
    branches |= {name: name for name in MET}
    kept = {column: branch for column, branch in branches.items() if not _is_declared(column, branch, absent)}
    return Columns(tuple(missing), kept)


def check_branches(columns: Columns, present: Collection[str], file: str, dataset: str) -> None:
    """Check that a file has every branch that its dataset does not declare missing.

    Raises:
        FormatError: branches are absent; the sentence says what to add to the dataset's YAML.
    """
    absent = sorted({branch for branch in columns.branches.values() if branch not in present})
    if absent:
        collections = sorted({name.split("_")[0] for name in absent} & {*OBJECTS, "MET"})
        whole = [name for name in collections if not any(branch.startswith(f"{name}_") for branch in present)]
        declare = sorted({next((name for name in whole if branch.startswith(f"{name}_")), branch) for branch in absent})
        raise FormatError(
            f"{file} has no branch {', '.join(absent)}; if this is meant, add {declare} "
            f"to `missing` of dataset {dataset} (config/datasets/{dataset}.yaml)."
        )


def table_schema(columns: Columns, labelled: bool) -> pa.Schema:
    """Return the Arrow schema of the event table; nothing in it may be null."""
    fields = [
        pa.field("run", pa.int64()),
        pa.field("luminosityBlock", pa.int64()),
        pa.field("event", pa.uint64()),
        pa.field("identity", pa.uint64()),
        pa.field("weight", pa.float64()),
    ]
    if labelled:
        fields.append(pa.field(PROCESS, pa.string()))
    jagged = set(columns.jagged)
    for name in columns.branches:
        if name in jagged:
            fields.append(pa.field(name, pa.list_(pa.int32() if name.endswith("_charge") else pa.float32())))
        elif name not in IDENTITY:
            fields.append(pa.field(name, pa.float32()))
    return required(pa.schema(fields))


def _is_declared(column: str, branch: str, missing: set[str]) -> bool:
    return bool({column, branch, column.partition("_")[0]} & missing)
