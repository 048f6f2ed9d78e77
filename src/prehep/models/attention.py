"""Multi-head self-attention of short sequences (Vaswani et al. 1706.03762, eq. 1) that is fast on a CPU.

At 6 to 22 places and heads of 8 features the products are too small for a general kernel and memory traffic decides.
So the gradient is written by hand, what backward needs is kept and nothing else, and scores are laid out with keys
before queries: softmax then runs along whole vectors, and every product has the places, not the few features of a
head, as its long side. All of it is in float32, also inside a bfloat16 network, where that costs next to nothing.
Smaller products than 16 places, which is a vector of float32, would take longer: very short sequences share them.
Padding and splitting into heads is one gather of short vectors, whose indices all layers share.

With dropout of the weights, and on a GPU, the plain composition of torch runs in its place, in the precision of the
network. The hand-written gradient has no derivative of its own: penalties on gradients need another attention.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

SHORTEST = 16


class Gather(NamedTuple):
    """Where the vectors of heads are.

    Attributes:
        projected: (3 * rows * heads * keys,) int32 indices into the vectors (places, 3, heads) of projections; the
            number of vectors where there is no place.
        mixed: (rows * heads * keys,) int32, the same for the vectors (places, heads) of mixed values.
        places: (real places,) int64 indices into the places (rows, keys).
    """

    projected: Tensor
    mixed: Tensor
    places: Tensor


class Layout(NamedTuple):
    """Which sequences attend together, and where their places are in what the other layers read.

    Attributes:
        bias: of `attention_bias`.
        places: (real places,) int64 indices into the flattened rows; what the other layers read has only these.
        rows: number of rows, each of one or several sequences side by side.
        length: places of a row.
        gather: of the attention with a hand-written gradient; None where torch's is used.
    """

    bias: Tensor
    places: Tensor
    rows: int
    length: int
    gather: Gather | None

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
    if layout.gather is not None and not dropout:
        with torch.autocast("cpu", enabled=False):
            mixed: Tensor = _Attention.apply(projected, layout.bias, layout.gather, heads)  # type: ignore[no-untyped-call]
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
    bias, rows = attention_bias(filled, heads, together), len(filled) // together
    gather = make_gather(places, rows, together * length, bias.shape[1], heads) if mask.is_cpu else None
    return Layout(bias, places, rows, together * length, gather)


def make_gather(places: Tensor, rows: int, length: int, keys: int, heads: int) -> Gather:
    """Return where the vectors of heads are.

    Args:
        places: (real places,) int64 indices into the places (rows, length).
        rows: number of rows.
        length: places of a row.
        keys: places of a row with those that fill up a product, at least length.
        heads: number of heads.
    """
    padded = places // length * keys + places % length
    numbers = torch.full((rows * keys,), len(places), dtype=torch.int32)
    numbers[padded] = torch.arange(len(places), dtype=torch.int32)
    first = numbers.view(rows, 1, keys) * heads
    vectors = torch.arange(3 * heads, dtype=torch.int32).view(3, 1, heads, 1)
    # places that do not exist all point at the first vector after the last
    end = len(places) * heads
    return Gather(
        (3 * first + vectors).clamp_(max=3 * end).flatten(), (first + vectors[0]).clamp_(max=end).flatten(), padded
    )


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
    def forward(ctx: Any, projected: Tensor, bias: Tensor, gather: Gather, heads: int) -> Tensor:
        """Return the mixed values (places, width) of projections (places, 3 * width)."""
        features = projected.shape[1] // (3 * heads)
        query, key, value = split_heads(projected, gather.projected, features, bias.shape[1]).chunk(3)
        weights = torch.baddbmm(bias.to(key.dtype), key, query.transpose(1, 2), alpha=features**-0.5)
        torch.softmax(weights, 1, out=weights)
        ctx.save_for_backward(query, key, value, weights)
        ctx.gather, ctx.heads = gather, heads
        return join_heads((value.transpose(1, 2) @ weights).unsqueeze(0), gather.places, heads, projected.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient of the projections from that of the mixed values."""
        query, key, value, weights = ctx.saved_tensors
        features, scale = query.shape[2], query.shape[2] ** -0.5
        mixed = split_heads(gradient, ctx.gather.mixed, features, weights.shape[1])
        by_scores = value @ mixed.transpose(1, 2)
        torch._softmax_backward_data(by_scores, weights, 1, weights.dtype, grad_input=by_scores)
        by_scores *= scale
        found = query.new_empty(3, len(query), features, query.shape[1])
        torch.bmm(key.transpose(1, 2), by_scores, out=found[0])
        torch.bmm(query.transpose(1, 2), by_scores.transpose(1, 2), out=found[1])
        torch.bmm(mixed.transpose(1, 2), weights.transpose(1, 2), out=found[2])
        return join_heads(found, ctx.gather.places, ctx.heads, gradient.dtype), None, None, None


def split_heads(x: Tensor, vectors: Tensor, features: int, keys: int) -> Tensor:
    """Return the vectors of heads that were asked for, (parts * rows * heads, keys, features), at least float32.

    Args:
        x: (places, parts * width).
        vectors: of a `Gather`; where there is no place, the vector is 0.
        features: of a head.
        keys: places of a row.
    """
    taken = F.pad(x, (0, 0, 0, 1)).view(-1, features).index_select(0, vectors)
    return taken.view(-1, keys, features).to(torch.promote_types(x.dtype, torch.float32))


def join_heads(x: Tensor, places: Tensor, heads: int, dtype: torch.dtype) -> Tensor:
    """Return (real places, parts * width) from (parts, rows * heads, features, keys).

    Args:
        x: what was computed, each vector across the places.
        places: of a `Gather`.
        heads: number of heads.
        dtype: of the result.
    """
    parts, groups, features, keys = x.shape
    # rounded first: a copy that moves and rounds is slower than the two
    joined = x.to(dtype).view(parts, groups // heads, heads * features, keys).permute(1, 3, 0, 2)
    return joined.reshape(-1, parts * heads * features).index_select(0, places)
