"""Tests of the code fingerprint on a small package of its own."""

from pathlib import Path

import pytest

from prehep.core.fingerprint import closure, fingerprint

FIT = '"""Fit."""\nfrom prehep.models import net\n\n\ndef run(x):\n    """Run."""\n    return net.f(x)\n'
FILES = {
    "prehep/__init__.py": '"""Package."""\n',
    "prehep/stages/__init__.py": "",
    "prehep/stages/fit.py": FIT,
    "prehep/models/__init__.py": "",
    "prehep/models/net.py": "def f(x):\n    return x + 1\n",
    "prehep/models/other.py": "def g(x):\n    return x\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_closure_follows_imports_and_parents(source: Path) -> None:
    assert closure("prehep.stages.fit", source=source) == {
        "prehep",
        "prehep.stages",
        "prehep.stages.fit",
        "prehep.models",
        "prehep.models.net",
    }


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("prehep/models/net.py", "# why\ndef f( x ):\n\n    '''Doc.'''\n    return (x + 1)\n", True),
        ("prehep/models/net.py", "def f(x):\n    return x + 2\n", False),
        ("prehep/models/other.py", "def g(x):\n    return -x\n", True),
        ("prehep/__init__.py", "SIZE = 1\n", False),
        ("prehep/stages/fit.py", FILES["prehep/stages/fit.py"].replace("Fit.", "Fit a model."), True),
    ],
)
def test_only_reachable_code_counts(source: Path, name: str, text: str, same: bool) -> None:
    before = fingerprint("prehep.stages.fit", source=source)
    (source / name).write_text(text)
    assert (fingerprint("prehep.stages.fit", source=source) == before) is same


def test_description_of_a_field_does_not_count(source: Path) -> None:
    path = source / "prehep/models/net.py"
    prints = []
    for text in ("x = f(1, description='a')\n", "x = f(1, description='b')\n", "x = f(2, description='b')\n"):
        path.write_text(text)
        prints.append(fingerprint("prehep.models.net", source=source))
    assert prints[0] == prints[1] != prints[2]


def test_unknown_entry_is_an_error(source: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"prehep\.nothing"):
        fingerprint("prehep.nothing", source=source)
