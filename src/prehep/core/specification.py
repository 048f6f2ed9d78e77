"""What every stage is told: its specification, where it writes, and the code it runs."""

from pathlib import Path
from typing import Any

from pydantic import Field

from prehep.core.settings import Settings, defining, is_volatile, volatile


class StageSpec(Settings):
    """What every stage's Spec has: where it writes, the digests of its code and the specification as it was planned."""

    output: Path = Field(description="folder of the results", json_schema_extra=volatile())
    code: dict[str, str] = Field(
        default_factory=dict, description="digest of each module that the stage can reach", json_schema_extra=volatile()
    )
    planned: dict[str, Any] | None = Field(
        None, description="the defining values as the workflow gave them", json_schema_extra=volatile()
    )

    def definition(self) -> dict[str, Any]:
        """Return the defining values that the manifest keeps: as planned, or all of them without a plan."""
        return defining(self) if self.planned is None else self.planned

    @classmethod
    def defining_part(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the given values without those of volatile fields."""
        return {
            name: value
            for name, value in values.items()
            if name not in cls.model_fields or not is_volatile(cls.model_fields[name])
        }
