"""Fingerprint of the code that a stage can reach: what a rerun should depend on, and nothing else.

The abstract syntax of the import closure of the entry modules, without comments, docstrings, descriptions of
configuration fields and layout. Parent
packages count, because importing a module runs them. Equal on every supported Python: empty and version-specific
fields are left out.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "prehep"
SOURCE = Path(__file__).parents[2]
IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_params"})
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def fingerprint(*modules: str, source: Path = SOURCE) -> str:
    """Return the 16-character fingerprint of everything the named modules import from the package."""
    members = closure(*modules, source=source)
    lines = [f"{name}:{_module_digest(_module_path(name, source))}" for name in sorted(members)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def closure(*modules: str, source: Path = SOURCE) -> set[str]:
    """Return the names of the package's modules that importing the named modules can load.

    Raises:
        ModuleNotFoundError: an entry module does not exist.
    """
    seen: set[str] = set()
    waiting = list(modules)
    for name in modules:
        if _module_path(name, source) is None:
            raise ModuleNotFoundError(f"{name} is not in {source}")
    while waiting:
        name = waiting.pop()
        path = _module_path(name, source)
        if path is None or name in seen:
            continue
        seen.add(name)
        waiting.extend(_parents(name))
        waiting.extend(_imports(path))
    return seen


def _module_path(name: str, source: Path) -> Path | None:
    base = source.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for end in range(1, len(parts)):
        yield ".".join(parts[:end])


@cache
def _parse(path: Path, modified: int) -> ast.Module:  # noqa: ARG001
    return ast.parse(path.read_text(encoding="utf-8"))


def _tree(path: Path) -> ast.Module:
    return _parse(path, path.stat().st_mtime_ns)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_digest(path: Path | None) -> str:
    return "" if path is None else _digest(path, path.stat().st_mtime_ns)


@cache
def _digest(path: Path, modified: int) -> str:
    return hashlib.sha256(_canonical(_parse(path, modified)).encode()).hexdigest()


def _canonical(node: object) -> str:
    if isinstance(node, ast.AST):
        fields = []
        for name, value in ast.iter_fields(node):
            kept = _without_docstring(node, value) if name == "body" else value
            if name == "keywords":
                kept = [keyword for keyword in value if keyword.arg != "description"]
            if name in IGNORED_FIELDS or kept is None or kept == []:
                continue
            fields.append(f"{name}={_canonical(kept)}")
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    return repr(node)


def _without_docstring(node: ast.AST, body: list[ast.stmt]) -> list[ast.stmt]:
    if isinstance(node, DOCUMENTED) and body and isinstance(body[0], ast.Expr):
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return body[1:]
    return body
