"""How networks are fitted to few labels."""

from typing import Literal

from pydantic import Field

from prehep.core.settings import Settings


class FinetuneSettings(Settings):
    """How one family of models is fitted to few labels."""

    learning_rates: tuple[float, ...] = Field(
        (1e-3,), min_length=1, description="tried in turn, best on validation is kept"
    )
    steps: int = Field(1_000, gt=0, description="longest training")
    epochs: int | None = Field(None, description="passes over the labelled events, in place of steps")
    batch_size: int = Field(64, gt=0, description="at most all labelled events")
    optimiser: Literal["adamw", "sgd"] = "adamw"
    policy: Literal["full", "linear_probe", "layer_decay"] = Field(
        "full", description="what learns: all alike; the last layer only; all, the slower the farther from the last"
    )
    layer_decay: float = Field(0.75, gt=0, le=1, description="layer_decay: learning rate of a block over the next's")
    weight_decay: float = Field(0.01, ge=0)
    dropout: float | None = Field(None, ge=0, lt=1, description="of the encoder; null = as in its pretraining")
    head_dropout: float = Field(0.0, ge=0, lt=1, description="before the last layer")
    mixup: float = Field(0.0, ge=0, description="alpha of the Beta distribution by which two events are mixed; 0 = off")
    gradient_clip: float | None = Field(None, gt=0, description="largest norm of the gradient; null = any")
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
    threads: int = Field(1, gt=0, description="of one fit; more gain less than fits side by side")
