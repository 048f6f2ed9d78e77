"""The encoder of events: object features in, one vector per object out (paper A: 2312.06909)."""

from typing import Literal

from torch import Tensor, nn

from prehep.models.transformer import Transformer


class EventEncoder(nn.Module):
    """Linear layer, LayerNorm and transformer blocks over the objects of an event.

    There is no positional encoding: which object is which is told by its features, and permuting the objects
    permutes the output. Unlike the published code, padding is masked in attention.
    """

    def __init__(
        self,
        n_features: int,
        width: int,
        layers: int,
        heads: int,
        feedforward: int,
        dropout: float = 0.0,
        norm: Literal["pre", "post"] = "pre",
    ) -> None:
        super().__init__()
        self.embedding = nn.Sequential(nn.Linear(n_features, width), nn.LayerNorm(width))
        self.transformer = Transformer(width, layers, heads, feedforward, dropout, norm)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, slots, width), 0 at padding.

        Args:
            features: (batch, slots, n_features), scaled as the data are.
            mask: (batch, slots) bool, True = real object.
        """
        return self.transformer(self.embedding(features), mask)  # type: ignore[no-any-return]
