"""The base of every configuration model and stage specification."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python


class Settings(BaseModel):
    """An immutable model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def volatile() -> dict[str, Any]:
    """Mark a field as not defining the result: `x: str = Field("a", json_schema_extra=volatile())`."""
    return {"volatile": True}


def is_volatile(field: FieldInfo) -> bool:
    """Tell whether a field is left out of digests."""
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("volatile"))


def defining(settings: BaseModel) -> dict[str, Any]:
    """Return the JSON-ready values that define the result: every field not marked volatile, recursively."""
    values: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        if not is_volatile(field):
            values[name] = _plain(getattr(settings, name))
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return defining(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return to_jsonable_python(value)


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `overlay`, section by section; lists are replaced."""
    merged = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged
