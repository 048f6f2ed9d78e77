"""Loading parts of the package by name."""

import pytest
from pydantic import TypeAdapter, ValidationError

from prehep.core import seeds
from prehep.core.errors import ConfigError
from prehep.core.lazy import Entry, load, module_of


def test_modules_and_what_is_in_them_are_loaded() -> None:
    assert load("prehep.core.seeds") is seeds
    assert load("prehep.core.seeds:derive_seed") is seeds.derive_seed
    assert module_of("prehep.core.seeds:derive_seed") == module_of("prehep.core.seeds") == "prehep.core.seeds"


@pytest.mark.parametrize("entry", ["prehep.core.nothing:x", "prehep.core.seeds:nothing"])
def test_what_does_not_exist_is_named(entry: str) -> None:
    with pytest.raises(ConfigError, match=f"{entry} cannot be loaded"):
        load(entry)


@pytest.mark.parametrize("entry", ["os:system", "prehep", "prehep.core.seeds:", "prehep.core.seeds:a.b", "prehepx.a:b"])
def test_specifications_name_only_parts_of_the_package(entry: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Entry).validate_python(entry)
