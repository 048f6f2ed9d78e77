"""Small NanoAOD-format files for the tests of reading."""

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from prehep.data.nanoaod import InputFile

COUNTS = {"Muon": [2, 0, 1], "Electron": [0, 1, 0], "Jet": [3, 0, 2]}


def branches(**changes: Any) -> dict[str, Any]:
    """Return three events: two muons and three jets, one electron, one muon and two jets."""
    tree: dict[str, Any] = {
        "run": np.array([1, 1, 2], np.uint32),
        "luminosityBlock": np.array([5, 5, 6], np.uint32),
        "event": np.array([10, 11, 12], np.uint64),
        "MET_pt": np.array([20.0, 30.0, 40.0], np.float32),
        "MET_phi": np.array([0.1, -0.2, 3.0], np.float32),
    }
    for name, counts in COUNTS.items():
        size = sum(counts)
        fields: dict[str, Any] = {
            "pt": np.linspace(50, 30, size, dtype=np.float32),
            "eta": np.linspace(-2, 2, size, dtype=np.float32),
            "phi": np.linspace(-3, 3, size, dtype=np.float32),
            "mass": np.full(size, 0.1, np.float32),
        }
        if name == "Jet":
            fields["btagDeepFlavB"] = np.linspace(0, 1, size, dtype=np.float32)
        else:
            fields["charge"] = np.where(np.arange(size) % 2, -1, 1).astype(np.int32)
        tree[name] = ak.zip({field: ak.unflatten(values, counts) for field, values in fields.items()})
    tree.update(changes)
    return {name: values for name, values in tree.items() if values is not None}


def write_root(path: Path, tree: dict[str, Any], name: str = "Events") -> InputFile:
    """Write one tree and return it as an input file with an invented digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with uproot.recreate(path) as root:
        root.mktree(
            name,
            {
                key: values.dtype if isinstance(values, np.ndarray) else values.type.content
                for key, values in tree.items()
            },
        )
        root[name].extend(tree)
    return InputFile(path, path.name, "ab" * 32)
