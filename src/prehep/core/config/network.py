"""The network."""

from typing import Literal

from pydantic import Field, model_validator

from prehep.core.settings import Settings


class ModelSettings(Settings):
    """A transformer encoder."""

    width: int = Field(64, gt=0, description="features per token")
    layers: int = Field(4, gt=0, description="transformer blocks")
    heads: int = Field(4, gt=0, description="attention heads")
    feedforward: int = Field(256, gt=0, description="hidden features of each block")
    dropout: float = Field(0.0, ge=0, lt=1, description="of attention weights and of what a block adds")
    norm: Literal["pre", "post"] = Field("pre", description="LayerNorm before or after each sublayer; post: as BERT")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "ModelSettings":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self
