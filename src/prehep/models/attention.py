"""Multi-head self-attention of short sequences (Vaswani et al. 1706.03762, eq. 1) that is fast on a CPU.

At 6 to 22 places and heads of 8 features the products are too small for a general kernel and memory traffic decides.
So the gradient is written by hand, what backward needs is kept and nothing else, and scores are laid out with keys
before queries: softmax then runs along whole vectors, and every product has the places, not the few features of a
head, as its long side. All of it is in float32, also inside a bfloat16 network, where that costs next to nothing.
Smaller products than 16 places, which is a vector of float32, would take longer: very short sequences share them.

With dropout of the weights, and on a GPU, the plain composition of torch runs in its place, in the precision of the
network. The hand-written gradient has no derivative of its own: penalties on gradients need another attention.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

SHORTEST = 16
BYTES = torch.complex128.itemsize


class Layout(NamedTuple):
    """Which sequences attend together, and where their places are in what the other layers read.

    Attributes:
        bias: of `attention_bias`.
        places: (real places,) int64 indices into the flattened rows; what the other layers read has only these.
        rows: number of rows, each of one or several sequences side by side.
        length: places of a row.
    """

    bias: Tensor
    places: Tensor
    rows: int
    length: int

    def pad(self, x: Tensor) -> Tensor:
        """Return (rows, length, width), 0 at padding, from (real places, width)."""
        return (
            x.new_zeros(self.rows * self.length, x.shape[1])
            .index_copy(0, self.places, x)
            .view(self.rows, self.length, x.shape[1])
        )

    def take(self, x: Tensor) -> Tensor:
        """Return (real places, width) from (rows, length, width)."""
        return x.flatten(0, 1).index_select(0, self.places)


def attend(projected: Tensor, layout: Layout, heads: int, dropout: float = 0.0) -> Tensor:
    """Return the mixed values of every head, (places, width).

    Args:
        projected: (places, 3 * width): queries, keys and values, each with its heads one after the other.
        layout: of the places.
        heads: number of heads.
        dropout: part of the attention weights that are set to 0.
    """
    if projected.is_cpu and not dropout:
        with torch.autocast("cpu", enabled=False):
            mixed: Tensor = _Attention.apply(projected, layout, heads)  # type: ignore[no-untyped-call]
            return mixed
    rows, length, width = layout.rows, layout.length, projected.shape[1] // 3
    padded = layout.pad(projected).view(rows, length, 3, heads, width // heads)
    query, key, value = padded.permute(2, 0, 3, 1, 4).unbind()
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    scores = scores + layout.bias.view(rows, heads, layout.bias.shape[1], -1).transpose(2, 3)[:, :, :length, :length]
    weights = F.dropout(scores.softmax(dim=-1), dropout)
    return layout.take((weights.to(value.dtype) @ value).transpose(1, 2).reshape(rows, length, width))


def make_layout(mask: Tensor, heads: int) -> Layout:
    """Return how sequences are laid out: on a CPU without padding, and several in a row where they fill one product.

    Args:
        mask: (batch, length) bool, True = real place.
        heads: number of heads.
    """
    length = mask.shape[1]
    together = max(1, SHORTEST // length) if mask.is_cpu else 1
    filled = F.pad(mask, (0, 0, 0, -len(mask) % together))
    # elsewhere shapes must not depend on the mask
    places = mask.flatten().nonzero().squeeze(1) if mask.is_cpu else torch.arange(mask.numel(), device=mask.device)
    return Layout(attention_bias(filled, heads, together), places, len(filled) // together, together * length)


def attention_bias(mask: Tensor, heads: int, together: int = 1) -> Tensor:
    """Return the bias of scores: 0 where a query may attend to a key, very negative elsewhere.

    It is finite, so that a row without any real place gives a uniform attention and not NaN.

    Args:
        mask: (batch, length) bool, True = real place.
        heads: number of heads.
        together: sequences side by side in one row, a divisor of batch.

    Returns:
        (rows * heads, keys, queries) float32, queries = 1 where all have the same; keys is at least SHORTEST.
    """
    length = together * mask.shape[1]
    allowed = F.pad(mask.reshape(-1, length), (0, max(0, SHORTEST - length))).unsqueeze(2)
    if together > 1:
        sequence = torch.arange(allowed.shape[1], device=mask.device) // mask.shape[1]
        allowed = allowed & (sequence == sequence.unsqueeze(1))
    bias = torch.zeros(allowed.shape, device=mask.device)
    return bias.masked_fill_(~allowed, torch.finfo(torch.float32).min / 2).repeat_interleave(heads, dim=0)


class _Attention(torch.autograd.Function):
    """Attention from projected queries, keys and values to mixed values, and its gradient."""

    @staticmethod
    def forward(ctx: Any, projected: Tensor, layout: Layout, heads: int) -> Tensor:
        bias = layout.bias
        query, key, value = split_heads(layout.pad(projected), 3, heads, bias.shape[1])
        scores = torch.baddbmm(bias.to(key.dtype), key, query.transpose(1, 2), alpha=query.shape[-1] ** -0.5)
        weights = torch.softmax(scores, 1)
        ctx.save_for_backward(query, key, value, weights)
        ctx.layout, ctx.heads = layout, heads
        return layout.take(join_heads(value.transpose(1, 2) @ weights, layout.rows, layout.length, projected.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        query, key, value, weights = ctx.saved_tensors
        (mixed,) = split_heads(ctx.layout.pad(gradient), 1, ctx.heads, weights.shape[1])
        by_weights = value @ mixed.transpose(1, 2)
        by_scores = torch._softmax_backward_data(by_weights, weights, 1, weights.dtype)
        by_scores *= query.shape[-1] ** -0.5
        found = query.new_empty(3, len(query), query.shape[2], query.shape[1])
        torch.bmm(key.transpose(1, 2), by_scores, out=found[0])
        torch.bmm(query.transpose(1, 2), by_scores.transpose(1, 2), out=found[1])
        torch.bmm(mixed.transpose(1, 2), weights.transpose(1, 2), out=found[2])
        layout = ctx.layout
        return layout.take(join_heads(found, layout.rows, layout.length, gradient.dtype)), None, None


def split_heads(x: Tensor, parts: int, heads: int, places: int) -> Tensor:
    """Return (parts, batch * heads, places, features) of at least float32 from (batch, length, parts * width).

    Places after the length are 0.
    """
    batch, length, width = x.shape
    features = width // (parts * heads)
    view = x.contiguous().view(batch, length, parts, heads, features)
    split = x.new_zeros(parts, batch, heads, places, features)
    target = split
    if features * x.element_size() % BYTES == 0:
        # 16 bytes at a time: a copy of vectors this short costs per element, not per byte
        view, target = view.view(torch.complex128), split.view(torch.complex128)
    target[:, :, :, :length] = view.permute(2, 0, 3, 1, 4)
    return split.view(parts, batch * heads, places, features).to(torch.promote_types(x.dtype, torch.float32))


def join_heads(x: Tensor, batch: int, length: int, dtype: torch.dtype) -> Tensor:
    """Return (batch, length, parts * width) from (parts, batch * heads, features, places) or one part of it."""
    parts = x.view(-1, batch, x.shape[-3] // batch * x.shape[-2], x.shape[-1])[..., :length]
    return parts.permute(1, 3, 0, 2).reshape(batch, length, -1).to(dtype)
