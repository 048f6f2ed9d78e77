"""The generated `config/config.yaml` and `config/schema.json`: defaults live in the models, files follow."""

import json
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from prehep.core.config.root import Config

HEADER = """\
# yaml-language-server: $schema=schema.json
# Generated from the models in src/prehep/core/config by `prehep config --write`; do not edit.
# To change a run, write the keys that differ into a file of your own and pass it with --configfile.
"""


def schema_text() -> str:
    """Return the JSON schema of the configuration."""
    return json.dumps(Config.model_json_schema(), indent=2, sort_keys=True) + "\n"


def defaults_text() -> str:
    """Return the default configuration as YAML, each key of the first level with its description."""
    return HEADER + "\n".join(_lines(Config(), 0)) + "\n"


def _lines(model: BaseModel, indent: int) -> Iterator[str]:
    pad = " " * indent
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        note = f"  # {field.description}" if field.description else ""
        if isinstance(value, BaseModel):
            yield f"{pad}{name}:{note}"
            yield from _lines(value, indent + 2)
        elif isinstance(value, dict) and value and isinstance(next(iter(value.values())), BaseModel):
            yield f"{pad}{name}:{note}"
            for key, item in value.items():
                yield f"{pad}  {key}:"
                yield from _lines(item, indent + 4)
        else:
            yield f"{pad}{name}: {_scalar(value)}{note}"


def _scalar(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=10_000).replace("\n...", "").strip()
