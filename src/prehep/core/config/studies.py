"""The studies: what is pretrained on what, and which downstream tasks follow."""

from typing import Literal

from pydantic import Field, model_validator

from prehep.core.config.tokens import EventTokenSettings, TrackTokenSettings
from prehep.core.config.training import PretrainSettings
from prehep.core.settings import Settings, volatile

SweepModel = Literal["pretrained", "scratch_published", "scratch_tuned"]
TreeModel = Literal["trees_flat", "trees_engineered"]


class FinetuneSettings(Settings):
    """How one family of models is fitted to few labels."""

    learning_rates: tuple[float, ...] = Field(
        (1e-3,), min_length=1, description="tried in turn, best on validation is kept"
    )
    steps: int = Field(1_000, gt=0, description="longest training")
    epochs: int | None = Field(None, description="passes over the labelled events, in place of steps")
    batch_size: int = Field(64, gt=0, description="at most all labelled events")
    optimiser: Literal["adamw", "sgd"] = "adamw"
    weight_decay: float = Field(0.01, ge=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_fraction: float = Field(0.0, ge=0, lt=1)
    final_fraction: float = Field(0.01, ge=0, le=1, description="last learning rate over the first (cosine)")
    patience: int | None = Field(None, description="validations without gain before stopping; null = never stop early")
    validation_interval: int = Field(100, gt=0, description="steps between validations")
    keep: Literal["best", "last"] = Field("best", description="weights of the best validation, or the last ones")
    symmetries: bool = Field(
        True,
        description="turn and reflect the events at random while training: without it, few labels are learned by heart",
    )
    pretrained: bool = Field(False, description="start from the pretrained encoder")
    threads: int = Field(1, gt=0)


class TreeSettings(Settings):
    """Gradient-boosted trees, tuned on validation like the networks."""

    features: Literal["flat", "engineered"]
    learning_rates: tuple[float, ...] = (0.05, 0.1)
    leaves: tuple[int, ...] = (7, 31)
    iterations: int = Field(300, description="largest number of trees; early stopping on validation")


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


class EventStudy(Settings):
    """Study event_pretraining (papers A: 2312.06909)."""

    pretrain_data: str = Field("pseudo_data", description="dataset without labels")
    comparison_data: tuple[str, ...] = Field((), description="datasets drawn beside it in the object distributions")
    tokens: EventTokenSettings = EventTokenSettings()
    pretrain: dict[str, PretrainSettings] = Field(description="name and settings of each pretraining")
    finetune_from: str = Field(description="which of these is fine-tuned")
    task: ClassificationTask
    sweeps: dict[SweepModel, FinetuneSettings]
    trees: dict[TreeModel, TreeSettings]
    reference_pretrained: float | None = Field(None, description="AUC of the paper", json_schema_extra=volatile())
    reference_scratch: float | None = Field(None, description="AUC of the paper", json_schema_extra=volatile())


class TrackStudy(Settings):
    """Study tracking_bert (paper B: 2402.10239)."""

    pretrain_data: tuple[str, ...] = Field(("tracks_gun", "tracks_ttbar"), description="datasets of tracks to train on")
    evaluation_data: tuple[str, ...] = Field((), description="further datasets on which the models are evaluated")
    tokens: TrackTokenSettings = TrackTokenSettings()
    pretrain: dict[str, PretrainSettings]
    ngram: bool = Field(True, description="train the n-gram with back-off on the same tracks")
