"""How entries are divided into training, validation and test."""

from pydantic import Field, model_validator

from prehep.core.settings import Settings


class SplitSettings(Settings):
    """Fractions of events, decided by a hash of each event's identity."""

    valid: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.2, gt=0, lt=1)

    @model_validator(mode="after")
    def _something_is_left(self) -> "SplitSettings":
        if self.valid + self.test >= 1:
            raise ValueError(f"valid {self.valid:g} and test {self.test:g} leave nothing to train on")
        return self
