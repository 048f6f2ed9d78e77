"""What a file of weights says about itself, in the header of safetensors."""

import json
from typing import Literal

from pydantic import Field

from prehep.core.config.training import PretrainSettings
from prehep.core.digests import short
from prehep.core.settings import Settings
from prehep.core.versions import installed_versions

HEADER_KEY = "prehep"
LIBRARIES = ("prehep", "torch", "safetensors")


class Description(Settings):
    """The model that a file of weights belongs to, and what wrote it.

    Attributes:
        name: of the run.
        part: the encoder alone, or the whole objective: encoder and head.
        settings: objective, architecture and training.
        tokenizer: SHA-256 of the file that says how the tokens were made (encoding.json, vocabulary.parquet).
        versions: of the libraries that wrote the file.
    """

    name: str
    part: Literal["encoder", "objective"]
    settings: PretrainSettings
    tokenizer: str = Field(pattern="^[0-9a-f]{64}$")
    versions: dict[str, str]

    def __str__(self) -> str:
        """Return one line for a user."""
        architecture = ", ".join(f"{name} {value}" for name, value in self.settings.model.model_dump().items())
        libraries = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"{self.part} of {self.name}, trained with {self.settings.objective.name} ({architecture}) "
            f"on tokens of {short(self.tokenizer)}, by {libraries}"
        )

    def header(self) -> dict[str, str]:
        """Return the metadata of a safetensors file: one key, since several are written in random order."""
        return {HEADER_KEY: json.dumps(self.model_dump(mode="json"), sort_keys=True)}


def library_versions() -> dict[str, str]:
    """Return the versions that a file written now records."""
    return installed_versions(LIBRARIES)
