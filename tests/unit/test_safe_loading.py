"""Nothing in the package unpickles a file: a pickle could run any code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("src", "workflow_scripts") for path in (ROOT / folder).rglob("*.py"))
UNPICKLERS = {
    f"{module}.{name}"
    for module in ("pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "torch.jit", "torch.hub")
    for name in ("load", "loads", "Unpickler", "open", "Shelf")
} | {"pandas.read_pickle", "torch.package.PackageImporter"}


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call with the full name of what is called, whatever it was imported as."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, *rest = ast.unparse(node.func).split(".")
            yield ".".join([known.get(first, first), *rest]), node


def unsafe(source: str) -> list[str]:
    """Return the calls that may unpickle."""
    found = []
    for name, call in calls(ast.parse(source)):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        unchecked = name in ("torch.load", "torch.serialization.load") and given.get("weights_only") != "True"
        arrays = name in ("numpy.load", "numpy.lib.npyio.NpzFile", "numpy.lib.format.read_array")
        allowed = arrays and (given.get("allow_pickle", "False") != "False" or None in given or len(call.args) > 2)
        if name in UNPICKLERS or unchecked or allowed:
            found.append(ast.unparse(call))
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle; pickle.load(f)",
        "import pickle as p; p.loads(b)",
        "from pickle import Unpickler as U; U(f).load()",
        "import torch; torch.load(path)",
        "import torch; torch.load(path, weights_only=False)",
        "import torch; torch.load(path, weights_only=flag)",
        "from torch import load; load(path)",
        "import torch.hub; torch.hub.load('a', 'b')",
        "import torch; torch.jit.load(path)",
        "import numpy as np; np.load(path, allow_pickle=True)",
        "import numpy as np; np.load(path, **options)",
        "import numpy as np; np.load(path, None, True)",
        "from numpy import load as read; read(path, allow_pickle=1)",
        "def f():\n    import joblib\n    return joblib.load(path)",
        "import pandas as pd; pd.read_pickle(path)",
        "import shelve; shelve.open(path)",
    ],
)
def test_unsafe_calls_are_found(source: str) -> None:
    assert unsafe(source)


@pytest.mark.parametrize(
    "source",
    [
        "import torch; torch.load(path, weights_only=True)",
        "import numpy as np; np.load(path, mmap_mode='r', allow_pickle=False)",
        "import json; json.load(f)",
        "from prehep.core.lazy import load; load(entry)",
    ],
)
def test_safe_calls_are_not(source: str) -> None:
    assert unsafe(source) == []


def test_the_package_unpickles_nothing() -> None:
    assert len(SOURCES) > 100
    assert {path.name: found for path in SOURCES if (found := unsafe(path.read_text(encoding="utf-8")))} == {}
