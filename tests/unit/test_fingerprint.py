"""Tests of the code fingerprint on a small package of its own, and of its equality on every supported Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prehep.core.fingerprint import SOURCE, combine, last_edit, module_digests, source_digest

SUPPORTED = ("3.11", "3.12", "3.13")
FIT = '"""Fit."""\nfrom prehep.models import net\n\n\ndef run(x):\n    """Run."""\n    return net.f(x)\n'
FILES = {
    "prehep/__init__.py": '"""Package."""\n',
    "prehep/stages/__init__.py": "",
    "prehep/stages/fit.py": FIT,
    "prehep/models/__init__.py": "",
    "prehep/models/net.py": "def f(x):\n    return x + 1\n",
    "prehep/models/other.py": "def g(x):\n    return x\n",
}
CLOSURE = {"prehep", "prehep.stages", "prehep.stages.fit", "prehep.models", "prehep.models.net"}
HARD_TO_READ = r'''
a = f"{x}" "b" f"c{y!r:>{w}.2f}d" '', f"{x=}" f"{x = !s}" f"{x:}" f"{x:{y}}" f"{x:{y}{w}abc{w}}" f"" f"{{}}{x}{{"
b = u"kind" if 0 else -1 + 2j, 1e999, -0.0, 0x10, 1_000, 1.50, ..., None, True, b"\xff", "\U0001fae8\u200b🫨"
c = f"{x:{'>'}{10}}" rf"\d{x}\{y}" f"a\N{DIGIT ONE}{x}", f"{x:\n}", f"{(lambda: 1)()}", f"""{x
 + 1}
 {y:%Y-%m-%d}"""
def f(p, /, q=1, *r, s, t=None, **u): return {**u, "a": p}
async def g():
    async with f(1) as z, g() as (zz, *_):
        async for i in z: yield i
try: pass
except* ValueError as error: print(error)
match x:
    case {"a": 1, **rest}: pass
    case [1, *others] | int(others) if others: pass
class A(B := object, metaclass=type):
    z: "int" = [i for j in range(3) if (m := j) for i in range(j)]
'''
DIGESTS = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from prehep.core.fingerprint import combine, module_digests, source_digest
print(combine(module_digests(*sys.argv[3:])), source_digest(Path(sys.argv[2])))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def digest(source: Path) -> str:
    return combine(module_digests("prehep.stages.fit", source=source))


def test_modules_are_those_of_imports_and_their_parents(source: Path) -> None:
    digests = module_digests("prehep.stages.fit", source=source)
    assert set(digests) == CLOSURE
    assert list(digests) == sorted(digests)
    assert {len(digest) for digest in digests.values()} == {16}


@pytest.mark.parametrize(
    ("text", "followed"),
    [
        ("import prehep.models.other\n", True),
        ("from prehep.models.other import g\n", True),
        ("def run():\n    from prehep.models import other\n", True),
        ("try:\n    x()\nexcept E:\n    import prehep.models.other\nfinally:\n    pass\n", True),
        ("match x:\n    case 1:\n        import prehep.models.other\n", True),
        ("if TYPE_CHECKING:\n    import prehep.models.other\n", False),
        ("if typing.TYPE_CHECKING:\n    from prehep.models import other\nelse:\n    other = None\n", False),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import prehep.models.other\n", True),
        ("import other\nfrom models import other\nfrom prehepatic.models import other\n", False),
    ],
)
def test_imports_are_followed_where_they_can_run(source: Path, text: str, followed: bool) -> None:
    write(source / "prehep/stages/fit.py", text)
    assert ("prehep.models.other" in module_digests("prehep.stages.fit", source=source)) is followed


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("prehep/models/net.py", "# why\ndef f( x ):\n\n    '''Doc.'''\n    return (x + 1)\n", True),
        ("prehep/models/net.py", "def f(x):\n    return x + 2\n", False),
        ("prehep/models/net.py", "def f(x):\n    return 1 + x\n", False),
        ("prehep/models/net.py", "def f(y):\n    return y + 1\n", False),
        ("prehep/models/net.py", "def f(x: int):\n    return x + 1\n", False),
        ("prehep/models/other.py", "def g(x):\n    return -x\n", True),
        ("prehep/models/.#net.py", "(", True),
        ("prehep/__init__.py", "SIZE = 1\n", False),
        ("prehep/stages/fit.py", FIT.replace("Fit.", "Fit a model."), True),
        ("prehep/stages/fit.py", FIT.replace('"""Fit."""', ""), True),
    ],
)
def test_only_reachable_code_counts(source: Path, name: str, text: str, same: bool) -> None:
    before = digest(source)
    write(source / name, text)
    assert (digest(source) == before) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = Field(1, description='a', title='c')", "x = Field(1, description=f'b{c}')", True),
        ("x = pydantic.Field(1, description='a')", "x = pydantic.Field(1)", True),
        ("x = Field(1, alias='a')", "x = Field(1, alias='b')", False),
        ("x = Field(1, description='a')", "x = Field(2, description='a')", False),
        ("x = parser(1, description='a')", "x = parser(1, description='b')", False),
        ("x = 1\n'''About x.'''\n", "x = 1\n", True),
        ("class C:\n    x = 1\n    '''About x.'''\n", "class C:\n    x = 1\n", True),
        ("x = 'a'", "x = 'b'", False),
        ("x = 'ab'", 'x = "a" "b"', True),
        ("x = 1000.0", "x = 1_000.", True),
        ("x = 1", "x = True", False),
        ("x = 1", "x = '1'", False),
        ("if TYPE_CHECKING:\n    from m import n\n", "if TYPE_CHECKING:\n    from m import o\n", True),
        ("def f(p):\n    a = p\n    return a\n", "def f(p):\n    b = p\n    return b\n", True),
    ],
)
def test_what_a_run_can_tell_counts(tmp_path: Path, one: str, other: str, same: bool) -> None:
    write(tmp_path / "one.py", one)
    write(tmp_path / "other.py", other)
    assert (source_digest(tmp_path / "one.py") == source_digest(tmp_path / "other.py")) is same


def test_combined_digest_depends_on_names_and_values_and_not_on_order() -> None:
    assert combine({"a": "1", "b": "2"}) == combine({"b": "2", "a": "1"})
    assert len({combine({"a": "1"}), combine({"a": "2"}), combine({"b": "1"}), combine({})}) == 4


def test_unknown_entry_is_an_error(source: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"prehep\.nothing"):
        module_digests("prehep.nothing", source=source)


@pytest.mark.parametrize("version", SUPPORTED)
def test_digests_are_equal_on_every_python(version: str, tmp_path: Path) -> None:
    interpreter = find_python(version)
    if interpreter is None:
        pytest.skip(f"Python {version} is not installed")
    script = tmp_path / "hard_to_read.py"
    write(script, HARD_TO_READ)
    files = [path.relative_to(SOURCE).as_posix() for path in SOURCE.glob("prehep/**/*.py")]
    modules = sorted(file.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for file in files)
    arguments = [interpreter, "-I", "-B", "-c", DIGESTS, str(SOURCE), str(script), *modules]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert result.stdout.split() == [combine(module_digests(*modules)), source_digest(script)]


def find_python(version: str) -> str | None:
    """Return an interpreter of a version, which need not have any package."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in [*root.glob(f"versions/{version}.*/bin/python"), shutil.which(f"python{version}")]:
        # a shim of pyenv may stand for a version that is not installed
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(candidate)
    return None


def test_last_edit_is_that_of_the_closure(tmp_path: Path) -> None:
    for number, name in enumerate(("prehep/__init__.py", "prehep/a.py", "prehep/b.py", "prehep/other.py")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import prehep.b\n" if name.endswith("a.py") else "")
        os.utime(tmp_path / name, (0, 1000 + number))
    assert last_edit("prehep.a", source=tmp_path) == (1002, f"{tmp_path}/prehep/b.py")
