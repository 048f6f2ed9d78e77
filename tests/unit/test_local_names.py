"""Numbered local variables: renaming one changes nothing, and equal numbering means equal behaviour."""

import ast
import re
from random import Random
from textwrap import indent

import pytest

from prehep.core.local_names import number_locals

NAMES = "abcd"
EXPRESSIONS = (
    "_",
    "_",
    "(_ := {})",
    "(lambda: {})()",
    "(lambda _={}: {})()",
    "[{} for _ in [{}]]",
    "[{} for _ in [{}] for _ in [{}]]",
)
"""Parts of programs: `_` stands for a name, `{}` for an expression, `<>` for a block."""
STATEMENTS = (
    "_ = {}",
    "try: log({})\nexcept NameError: log(0)",
    "import math as _",
    "try: del _\nexcept NameError: log(1)",
    "try: raise ValueError\nexcept ValueError as _: _ = {}",
    "for _ in [{}]: log(_)",
    "def f():\n<>\ntry: f()\nexcept NameError: log(2)",
    "def f(_={}):\n<>\ntry: f()\nexcept NameError: log(2)",
    "class C:\n<>\nlog(C)",
)


def numbered(source: str) -> str:
    tree = ast.parse(source)
    number_locals(tree)
    return ast.dump(tree)


@pytest.mark.parametrize(
    "source",
    [
        "def f(p):\n    VAR = p\n    return VAR",
        "def f(p):\n    for VAR in p:\n        yield VAR",
        "def f(p):\n    with p as VAR, p as (other, *VAR2):\n        VAR2 += VAR\n        del other",
        "def f(p):\n    try:\n        p()\n    except ValueError as VAR:\n        print(VAR)",
        "def f(p):\n    match p:\n        case [VAR, *VAR2] | {'k': VAR, **VAR2}:\n            return VAR, VAR2",
        "def f(p):\n    if (VAR := p) and [VAR2 for q in p if (VAR2 := q)]:\n        return VAR",
        "def f(p):\n    VAR = p\n    def g(q=VAR):\n        return lambda: VAR + q\n    return g",
        "def f(p):\n    VAR = p\n    class C:\n        x = VAR\n        def m(self): return VAR\n    return C",
        "total = sum(VAR * VAR2 for VAR in x for VAR2 in VAR)",
        "class C:\n    x = [1]\n    y = {VAR: VAR for VAR in x}",
        "async def f(p):\n    async for VAR in p:\n        VAR2: int = await VAR",
        "def f(p):\n    return p.eval(), [VAR for VAR in p]",
    ],
)
def test_renamed_local_counts_as_equal(source: str) -> None:
    assert numbered(source.replace("VAR", "first")) == numbered(source.replace("VAR", "z"))


@pytest.mark.parametrize(
    "source",
    [
        "VAR = 1",
        "def f(VAR):\n    return VAR",
        "def f():\n    return lambda VAR: VAR",
        "def f(p):\n    p = VAR\n    return p",
        "def f(p):\n    p.VAR = 1",
        "def f():\n    import VAR\n    return VAR",
        "def f():\n    from m import x as VAR\n    return VAR",
        "def f():\n    def VAR(): pass\n    return VAR",
        "def f():\n    class VAR: pass\n    return VAR",
        "def f():\n    class C:\n        VAR = 1\n    return C",
        "def f():\n    global VAR\n    VAR = 1",
        "def f(VAR):\n    VAR = 1\n    return VAR",
        "def f():\n    VAR = 1\n    return f'{VAR=}'",
        "def f():\n    VAR = 1\n    return locals()",
        "def f():\n    VAR = 1\n    return eval('VAR')",
        "def f(table):\n    VAR = 1\n    return table.query('x > @VAR')",
        "def f():\n    VAR = 1\n    return sys._getframe()",
        "[VAR := x for x in y]",
    ],
)
def test_name_that_others_see_counts(source: str) -> None:
    assert numbered(source.replace("VAR", "first")) != numbered(source.replace("VAR", "z"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f():\n    x = 1\n    y = 2\n    return x", "def f():\n    x = 1\n    y = 2\n    return y"),
        ("def f():\n    x = 1\n    return [x for y in z]", "def f():\n    x = 1\n    return [y for y in z]"),
        ("def f(x, y):\n    x += 1\n    return x", "def f(x, y):\n    y += 1\n    return y"),
        ("def f():\n    x = 1\n    return lambda: x", "def f():\n    y = 1\n    return lambda: x"),
        ("def f():\n    x = [1]\n    return [x for x in x]", "def f():\n    y = [1]\n    return [x for x in x]"),
        (
            "def f():\n    x = 1\n    class C:\n        x = 2\n        def m(self): return x",
            "def f():\n    y = 1\n    class C:\n        x = 2\n        def m(self): return x",
        ),
    ],
)
def test_other_variable_counts(one: str, other: str) -> None:
    assert numbered(one) != numbered(other)


def grow(random: Random, text: str, depth: int = 0) -> str:
    """Fill the places for expressions and blocks at random."""
    choose = EXPRESSIONS[: 2 if depth > 2 else None]
    text = re.sub(r"\{\}", lambda _: grow(random, random.choice(choose), depth + 1), text)
    return re.sub("<>", lambda _: indent(block(random, depth + 1), " "), text)


def block(random: Random, depth: int) -> str:
    statements = STATEMENTS[: -3 if depth > 3 else None]
    return "\n".join(grow(random, random.choice(statements), depth) for _ in range(random.randint(1, 4)))


def with_names(template: str, names: list[str]) -> str:
    left = iter(names)
    return re.sub("_", lambda _: next(left), template)


def runs(source: str) -> bool:
    try:
        compile(source, "program", "exec")
    except SyntaxError:
        return False
    return True


def behaviour(source: str) -> list[object]:
    """Run a program in which every name is a global at first, and return what it logs."""
    seen: list[object] = []

    def log(value: object) -> None:
        attributes = {k: str(v) for k, v in vars(value).items() if k in NAMES} if isinstance(value, type) else {}
        seen.append((re.sub(r" at 0x\w+", "", str(value)), attributes))

    space = {name: f"global {name}" for name in NAMES} | {"log": log}
    try:
        exec(compile(source, "program", "exec"), space)
    except NameError as error:
        seen.append(type(error))
    return [*seen, {name: str(space.get(name)) for name in NAMES}]


def test_equal_numbering_means_equal_behaviour() -> None:
    renamed = 0
    for seed in range(2000):
        random = Random(seed)
        template = "def main():\n" + indent(block(random, 0), " ") + "\nmain()"
        names = random.choices(NAMES, k=template.count("_"))
        target = dict(zip(NAMES, random.sample(NAMES, k=4), strict=True))
        other = [target[name] for name in names]
        if random.random() < 0.5:
            other = [*names]
            other[random.randrange(len(names))] = random.choice(NAMES)
        one, two = with_names(template, names), with_names(template, other)
        if one == two or not (runs(one) and runs(two)) or numbered(one) != numbered(two):
            continue
        renamed += 1
        assert behaviour(one) == behaviour(two), f"{one}\n---\n{two}"
    assert renamed > 100
