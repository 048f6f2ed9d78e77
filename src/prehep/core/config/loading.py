"""From YAML values to a checked configuration, with suggestions for misspelt keys."""

import difflib
from collections.abc import Mapping
from textwrap import shorten
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from prehep.core.config.datasets import Dataset
from prehep.core.config.root import Config
from prehep.core.errors import ConfigError
from prehep.core.settings import merge

SOURCES = ("files", "simulated_events", "simulated_tracks")
"""Tags of the dataset models, which pydantic puts into the location of an error."""

DATASET: TypeAdapter[Dataset] = TypeAdapter(Dataset)


def load_config(values: Mapping[str, Any]) -> Config:
    """Check a merged configuration.

    Raises:
        ConfigError: an unknown key (with the nearest known one) or a value that does not fit.
    """
    try:
        return Config.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(explain(error, Config)) from error


def load_datasets(registry: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Any]) -> dict[str, Dataset]:
    """Check the dataset entries of `config/datasets` after the changes of the configuration.

    Raises:
        ConfigError: a change to an unknown dataset, or an entry that does not fit.
    """
    for name in changes:
        if name not in registry:
            raise ConfigError(f"datasets.{name} is not in config/datasets{_suggest(name, list(registry))}.")
    datasets = {}
    for name, entry in registry.items():
        try:
            datasets[name] = DATASET.validate_python(merge(entry, changes.get(name, {})))
        except ValidationError as error:
            raise ConfigError(explain(error, Dataset, f"datasets.{name}.")) from error
    return datasets


def explain(error: ValidationError, model: Any, prefix: str = "") -> str:
    """Return one sentence a line for what is wrong, naming the key and the nearest right one."""
    return "\n".join(_sentence(item, model, prefix) for item in error.errors())


def _sentence(item: Any, model: Any, prefix: str) -> str:
    location = [str(part) for part in item["loc"] if part not in SOURCES]
    if location and location[-1] == "[key]":
        return f"unknown key {prefix}{'.'.join(location[:-1])}: {item['msg']}."
    key = prefix + ".".join(location)
    if item["type"] == "extra_forbidden":
        known = sorted(_fields(model, location[:-1]))
        return f"unknown key {key}{_suggest(location[-1], known)}."
    found = "" if item["type"] == "value_error" else f" (found {shorten(repr(item.get('input')), 60)})"
    return f"{key.rstrip('.')}: {item['msg'].removeprefix('Value error, ')}{found}."


def _suggest(wrong: str, known: list[str]) -> str:
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    return f", did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


def _fields(annotation: Any, location: list[str]) -> set[str]:
    """Return the keys allowed at a location by walking the model's annotations."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not location:
            return set(annotation.model_fields)
        field = annotation.model_fields.get(location[0])
        return _fields(field.annotation, location[1:]) if field else _fields(annotation, location[1:])
    arguments = [item for item in get_args(annotation) if item is not type(None)]
    found: set[str] = set()
    for item in arguments:
        inner = location[1:] if _is_mapping(annotation) and location else location
        found |= _fields(item, inner)
    return found


def _is_mapping(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is dict
