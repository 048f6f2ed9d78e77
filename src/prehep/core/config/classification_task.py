"""The downstream task of the event study."""

from typing import Literal

from pydantic import Field, model_validator

from prehep.core.settings import Settings


class ClassificationTask(Settings):
    """A downstream two-class task with few labels."""

    kind: Literal["processes", "z_window"] = Field(
        description="processes: signal against background dataset; z_window: dimuon mass inside or outside"
    )
    signal: str | None = Field(None, description="processes: name of the signal dataset")
    background: str | None = Field(None, description="processes: name of the background dataset")
    window: tuple[float, float] = Field((81.2, 101.2), description="z_window: GeV")
    mass_range: tuple[float, float] = Field((60.0, 120.0), description="z_window: events used, GeV")
    masses_as_features: bool = Field(True, description="trees: masses, angles; false where a mass is the answer")
    n_labels: tuple[int, ...] = Field((64, 256, 1024), min_length=1, description="labelled events per class")
    seeds: tuple[int, ...] = Field((1, 2, 3), min_length=1)
    validation_per_class_max: int = Field(
        1_000, description="validation labels per class: as many as n_labels, at most this"
    )
    test_per_class_max: int = 5_000

    @model_validator(mode="after")
    def _no_mass_where_it_is_the_answer(self) -> "ClassificationTask":
        if self.kind == "z_window" and self.masses_as_features:
            raise ValueError("masses_as_features must be false for z_window, where the mass is the answer")
        return self

    @model_validator(mode="after")
    def _window_lies_in_the_range(self) -> "ClassificationTask":
        if not self.mass_range[0] <= self.window[0] < self.window[1] <= self.mass_range[1]:
            raise ValueError("window must be an interval inside mass_range")
        return self
