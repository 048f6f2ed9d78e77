"""Numbers in place of the names of local variables, so that renaming one leaves the digest of its code as it was.

Only names that nothing outside their function can see: not those of parameters (callers may name them), imports,
nested functions and classes (messages may show them), globals or attributes.
"""

import ast
from collections.abc import Iterable
from itertools import count

FRAME_READERS = frozenset({"locals", "vars", "dir", "exec", "_getframe", "currentframe"})
EXPRESSION_READERS = frozenset({"eval", "query"})
"""Look names up in their caller where they are given a text; the `eval` of torch is given none."""
RESCOPING = frozenset({"Global", "Nonlocal", "TypeAlias", "TypeVar", "TypeVarTuple", "ParamSpec"})
"""Syntax that moves names between scopes; the package has none, so it is not followed."""
HOLDERS = {"Name": "id", "ExceptHandler": "name", "MatchAs": "name", "MatchStar": "name", "MatchMapping": "rest"}
"""Nodes that hold the name of a variable, and the field that does."""
NAMELESS = frozenset({"Load", "Store", "Del", "Constant"})
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*DEFINITIONS, *COMPREHENSIONS, ast.Lambda)


def number_locals(tree: ast.Module) -> None:
    """Replace the names of local variables in place, unless something in the module may look them up by name."""
    scopes: list[_Scope] = []
    _Scope(tree, None, scopes).collect(tree.body)
    if any(scope.hindered for scope in scopes):
        return
    numbers = count()
    for scope in scopes:
        scope.names = dict(scope.enclosing.names) if scope.enclosing else {}
        for name, is_variable in scope.bound.items():
            scope.names[name] = str(next(numbers)) if is_variable and scope.hides else name
        for node, field, name in scope.holders:
            setattr(node, field, scope.names.get(name, name))


class _Scope:
    """What one module, class, function or comprehension binds, and the nodes in it that hold names.

    Attributes:
        enclosing: the scope whose names it sees too, never that of a class.
        hides: whether nothing outside can see its variables.
        bound: names in order of appearance, and whether all that binds them makes variables.
        holders: nodes that hold the name of a variable, the field that does, and the name.
        hindered: whether something looks names up or moves them between scopes.
        names: what each name is replaced by.
    """

    def __init__(self, node: ast.AST, around: "_Scope | None", scopes: "list[_Scope]") -> None:
        self.node = node
        self.enclosing: _Scope | None = around.enclosing if around and isinstance(around.node, ast.ClassDef) else around
        self.hides = not isinstance(node, ast.ClassDef | ast.Module)
        self.bound: dict[str, bool] = {}
        self.holders: list[tuple[ast.AST, str, str]] = []
        self.hindered = False
        self.names: dict[str, str] = {}
        self.scopes = scopes
        scopes.append(self)

    def bind(self, name: str, *, is_variable: bool) -> None:
        """Note that the scope binds a name; one that Python rewrites in classes (`__x`) is left alone."""
        self.bound[name] = self.bound.get(name, True) and is_variable and not name.startswith("__")

    def collect(self, nodes: Iterable[ast.AST]) -> None:
        """Read nodes that belong to the scope, and open the scopes of functions, classes and comprehensions."""
        for node in nodes:
            kind = type(node).__name__
            if kind in NAMELESS:
                continue
            self.hindered = self.hindered or kind in RESCOPING or _reads_names(node)
            name = getattr(node, HOLDERS.get(kind, ""), None)
            if name:
                self.holders.append((node, HOLDERS[kind], name))
            if name and not isinstance(getattr(node, "ctx", None), ast.Load):
                self.bind(name, is_variable=True)
            elif isinstance(node, ast.alias):
                self.bind(node.asname or node.name.partition(".")[0], is_variable=False)
            elif isinstance(node, DEFINITIONS):
                self.bind(node.name, is_variable=False)
            self.descend(node)

    def descend(self, node: ast.AST) -> None:
        """Collect the children of a node, each in the scope in which it is evaluated."""
        if isinstance(node, ast.NamedExpr):
            binder = self
            while binder.enclosing and isinstance(binder.node, COMPREHENSIONS):
                binder = binder.enclosing
            binder.collect([node.target])
            self.collect([node.value])
        elif isinstance(node, SCOPES):
            outside, inside = _split(node)
            self.collect(outside)
            inner = _Scope(node, self, self.scopes)
            for child in ast.iter_child_nodes(getattr(node, "args", node)):
                if isinstance(child, ast.arg):
                    inner.bind(child.arg, is_variable=False)
            inner.collect(inside)
        else:
            self.collect(ast.iter_child_nodes(node))


def _split(node: ast.AST) -> tuple[list[ast.AST], list[ast.AST]]:
    """Return the children that belong to the scope around a node, and those in the scope that it opens."""
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Lambda):
        return [node.args], [node.body]
    if isinstance(node, COMPREHENSIONS):
        first = node.generators[0].iter
        parts = [part for generator in node.generators for part in ast.iter_child_nodes(generator) if part is not first]
        return [first], parts + [child for child in children if not isinstance(child, ast.comprehension)]
    inside: list[ast.AST] = list(getattr(node, "body", []))
    within = set(inside)
    return [child for child in children if child not in within], inside


def _reads_names(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return bool(node.args or node.keywords) and _last_name(node.func) in EXPRESSION_READERS
    return _last_name(node) in FRAME_READERS


def _last_name(node: ast.AST) -> object:
    return getattr(node, "attr", None) or getattr(node, "id", None)
