"""The one place where code is imported by name: a job loads only what its specification chooses.

The fingerprint of a job cannot see such an import, so the workflow names the module beside the specification.
"""

import importlib
from typing import Annotated, Any

from pydantic import Field

from prehep.core.errors import ConfigError

Entry = Annotated[str, Field(pattern=r"^prehep(\.\w+)+(:\w+)?$")]
"""What is loaded: `package.module:name`, or `package.module` for a whole module."""


def load(entry: str) -> Any:
    """Import and return a part of the package.

    Raises:
        ConfigError: there is no such module or name.
    """
    module, _, name = entry.partition(":")
    try:
        found = importlib.import_module(module)
        return getattr(found, name) if name else found
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigError(f"{entry} cannot be loaded ({error}); plan the job again with this version.") from error


def module_of(entry: str) -> str:
    """Return the module of an entry."""
    return entry.partition(":")[0]
