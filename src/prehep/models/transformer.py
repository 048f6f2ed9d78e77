"""Transformer blocks with a padding mask, shared by the encoders of events and of tracks."""

from typing import Literal

from torch import Tensor, nn

from prehep.models.attention import Layout, attend, make_layout


class SelfAttention(nn.Module):
    """Multi-head self-attention in which padding is no key."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of heads {heads}")
        self.heads = heads
        self.dropout = dropout
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        """Return (places, width) from x of that shape."""
        dropout = self.dropout if self.training else 0.0
        return self.project_out(attend(self.project_in(x), layout, self.heads, dropout))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention, then a two-layer network, each added to its input.

    With norm "pre" each of the two reads normalised features (2002.04745); with "post" their sum with the input is
    normalised, as in BERT (1810.04805).
    """

    def __init__(
        self, width: int, heads: int, feedforward: int, dropout: float = 0.0, norm: Literal["pre", "post"] = "pre"
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, dropout)
        self.network_norm = nn.LayerNorm(width)
        self.network = nn.Sequential(nn.Linear(width, feedforward), nn.GELU(), nn.Linear(feedforward, width))
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm == "pre"

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        """Return the updated (places, width)."""
        if self.norm_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), layout))
            return x + self.dropout(self.network(self.network_norm(x)))  # type: ignore[no-any-return]
        x = self.attention_norm(x + self.dropout(self.attention(x, layout)))
        return self.network_norm(x + self.dropout(self.network(x)))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """A stack of blocks, and a last LayerNorm with norm "pre".

    There is no positional encoding, so it commutes with permutations.
    """

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        feedforward: int,
        dropout: float = 0.0,
        norm: Literal["pre", "post"] = "pre",
    ) -> None:
        super().__init__()
        self.width, self.heads, self.norm_first = width, heads, norm == "pre"
        self.blocks = nn.ModuleList(Block(width, heads, feedforward, dropout, norm) for _ in range(layers))
        self.norm = nn.LayerNorm(width) if self.norm_first else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return what the tokens have learned of each other.

        Args:
            x: (batch, length, width).
            mask: (batch, length) bool, True = real token. Padding is never attended to.

        Returns:
            (batch, length, width), 0 at padding.
        """
        layout = make_layout(mask, self.heads)
        real = x.flatten(0, 1).index_select(0, layout.places)
        for block in self.blocks:
            real = block(real, layout)
        real = self.norm(real)
        out: Tensor = real.new_zeros(mask.numel(), x.shape[2]).index_copy(0, layout.places, real)
        return out.view(x.shape) * mask.unsqueeze(-1)
