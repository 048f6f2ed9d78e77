"""Objectives and how they are trained."""

from typing import Annotated, Literal

from pydantic import Field

from prehep.core.config.network import ModelSettings
from prehep.core.errors import ConfigError
from prehep.core.settings import Settings


class ObjectiveSettings(Settings):
    """A self-supervised task."""

    name: str
    mask_rate: float = Field(0.65, gt=0, le=1, description="probability that an object or hit is masked")
    loss_on: Literal["masked", "all"] = Field("masked", description="paper A: all (35 % of the terms are copies)")
    mask_scheme: Literal["pure", "mixed"] = Field(
        "pure", description="mdm: pure = always [MASK]; mixed = 80 % [MASK], 10 % random, 10 % unchanged"
    )
    embedding: Literal["token", "geometry"] = Field("token", description="mdm: geometry adds module positions")
    bins: int = Field(16, gt=1, description="masked_kinematics: bins of pt, eta and phi")


class TrainingSettings(Settings):
    """Optimisation. Everything here changes the weights, so all of it is part of a run's digest."""

    steps: int = Field(2_000, gt=0)
    batch_size: int = Field(256, gt=0)
    optimiser: Literal["adamw", "sgd", "muon"] = Field("adamw", description="muon: on matrices, adamw on the rest")
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warmup_fraction: float = Field(0.05, ge=0, lt=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    final_fraction: float = Field(0.01, ge=0, le=1, description="last learning rate over the first (cosine)")
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    ema_decay: float | None = Field(
        None, ge=0, lt=1, description="validate and keep the moving average of the weights with this decay; null = off"
    )
    validation_interval: int = Field(200, gt=0, description="steps between validations")
    validation_entries: int = Field(5_000, gt=0, description="validation entries used, drawn once")
    patience: int | None = Field(
        None,
        gt=0,
        description="stop after so many validations without a lower loss, and keep the best weights; null = all steps",
    )
    recoveries: int = Field(
        3, ge=0, description="how often a loss that is not finite or diverges may halve the learning rate"
    )
    threads: Annotated[int, Field(gt=0)] | Literal["auto"] = Field(
        1, description="1 and 2 threads give different bits; auto = measured best"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "float32", description="of matrix products, weights stay float32; auto = what pays on the device"
    )

    def planned_threads(self) -> int:
        """Return the number of threads, which must be known before a training starts because it changes bits.

        Raises:
            ConfigError: it is still `auto`.
        """
        if self.threads == "auto":
            raise ConfigError("threads is auto, which is decided when jobs are planned; give a number.")
        return self.threads


class PretrainSettings(Settings):
    """One pretraining run."""

    objective: ObjectiveSettings
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    seed: int = 1
    events: int | None = Field(None, gt=0, description="use only so many training entries, drawn once; null = all")
