"""Fingerprint of the code that a stage can reach: what a rerun should depend on, and nothing else.

The abstract syntax of the import closure of the entry modules. Parent packages count, because importing a module runs
them. What no run can tell does not: comments, layout, docstrings, descriptions of configuration fields, blocks for
type checkers and names of local variables. Equal on every supported Python, so only the standard library is imported.
"""

import ast
import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

from prehep.core.local_names import number_locals

PACKAGE = "prehep"
SOURCE = Path(__file__).parents[2]
UNSEEN_FIELDS = frozenset({"ctx", "kind", "type_comment"})
RECORDERS = frozenset({"prehep.core.code", "prehep.core.fingerprint", "prehep.core.local_names"})
"""What takes the digests: every digest changes when it does, so it need not count by itself."""
DESCRIPTIVE = frozenset({"description", "title"})
"""Arguments of a pydantic Field that are for readers only."""
BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
"""Fields of the syntax tree that hold statements."""

Listing = frozenset[tuple[str, str, int, int]]
"""Every module of the package: name, path, time of change (ns) and size (bytes)."""


def module_digests(*modules: str, source: Path = SOURCE) -> dict[str, str]:
    """Return the name and 16-character digest of every module in the closure, sorted by name.

    Raises:
        ModuleNotFoundError: an entry module does not exist.
    """
    return dict(_digests(modules, _list_package(source)))


def combine(digests: Mapping[str, str]) -> str:
    """Return the 16-character digest of named digests, in whatever order they are."""
    lines = "\n".join(f"{name}:{digest}" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def last_edit(*modules: str, source: Path = SOURCE) -> tuple[float, str]:
    """Return when the closure was edited last, in seconds since 1970, and the path of the module that was."""
    files = {name: (modified / 1e9, path) for name, path, modified, _ in _list_package(source)}
    return max(files[name] for name in module_digests(*modules, source=source))


def source_digest(path: Path) -> str:
    """Return the 16-character digest of one source file alone, such as a script."""
    state = path.stat()
    return _read(str(path), state.st_mtime_ns, state.st_size)[0]


def _list_package(source: Path) -> Listing:
    """Return the modules as they are now: edits are seen, and one call costs less than a millisecond."""
    found = []
    for folder, _, files in os.walk(source / PACKAGE):
        package = Path(folder).relative_to(source).as_posix().replace("/", ".")
        for file in files:
            # editors leave files of other names for a while
            if file.endswith(".py") and file[:-3].isidentifier():
                path = f"{folder}/{file}"
                state = os.stat(path)  # noqa: PTH116
                name = package if file == "__init__.py" else f"{package}.{file[:-3]}"
                found.append((name, path, state.st_mtime_ns, state.st_size))
    return frozenset(found)


@lru_cache(maxsize=4096)
def _digests(modules: tuple[str, ...], listing: Listing) -> tuple[tuple[str, str], ...]:
    files = {name: state for name, *state in listing}
    for name in modules:
        if name not in files:
            raise ModuleNotFoundError(f"{name} is not a module of {PACKAGE}; correct the name of the stage's module.")
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or name in RECORDERS or name not in files:
            continue
        found[name], imports = _read(*files[name])
        waiting += imports
        waiting.append(name.rpartition(".")[0])
    return tuple(sorted(found.items()))


@cache
def _read(path: str, modified: int, size: int) -> tuple[str, tuple[str, ...]]:  # noqa: ARG001
    """Return the digest of one module and the names that it may import, of which not all are modules."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), path)
    imports = {name for statement in _statements(tree) for name in _imports(statement)}
    number_locals(tree)
    return hashlib.sha256(_canonical(tree).encode()).hexdigest()[:16], tuple(sorted(imports))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement that can run, and remove the others in place: texts and blocks for type checkers."""
    if isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
        node.body = []
    for field in BLOCKS:
        block = getattr(node, field, None)
        if isinstance(block, list):
            block[:] = [statement for statement in block if not _is_text(statement)]
            for statement in block:
                yield statement
                yield from _statements(statement)


def _is_text(node: ast.AST) -> bool:
    """Return whether a statement is a docstring, or a text that documents what stands above it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _last_name(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
    elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _canonical(node: object) -> str:
    """Return a text of the tree that does not depend on the version of Python."""
    if isinstance(node, ast.AST):
        if isinstance(node, ast.Call) and _last_name(node.func) == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in DESCRIPTIVE]
        elif isinstance(node, ast.JoinedStr):
            # Python 3.12.1 adds empty texts
            node.values = [part for part in node.values if getattr(part, "value", None) != ""]
        fields = [
            f"{name}={_canonical(value)}"
            for name, value in ast.iter_fields(node)
            if value is not None and value != [] and name not in UNSEEN_FIELDS
        ]
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    return ascii(node)
