"""Objectives and how they are trained."""

from typing import Literal

from pydantic import Field

from prehep.core.config.network import ModelSettings
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
    validation_interval: int = Field(200, gt=0, description="steps between validations")
    validation_entries: int = Field(5_000, gt=0, description="validation entries used, drawn once")
    threads: int = Field(1, gt=0, description="1 and 2 threads give different bits")
    precision: Literal["float32", "bfloat16"] = "float32"


class PretrainSettings(Settings):
    """One pretraining run."""

    objective: ObjectiveSettings
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    seed: int = 1
    events: int | None = Field(None, gt=0, description="use only so many training entries, drawn once; null = all")
