"""Cross-entropy of a linear layer with many classes that never holds the logits of all rows.

Rows are taken in chunks. The loss of a chunk and its gradients with respect to rows, table and bias are made together,
while its logits are in the cache, so that backward only scales them. The same mathematics as
`F.cross_entropy(F.linear(hidden, table, bias), targets)`; the idea is that of cut cross-entropy (2411.09009).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CPU_CHUNK_LOGITS = 2**22
CUDA_CHUNK_LOGITS = 2**27


def linear_cross_entropy(
    hidden: Tensor,
    table: Tensor,
    bias: Tensor,
    targets: Tensor,
    weights: Tensor | None = None,
    chunk_rows: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the weighted sum of the cross-entropies, and each of them.

    Args:
        hidden: (rows, width), what the linear layer reads.
        table: (classes, width), its weight.
        bias: (classes,).
        targets: (rows,) int64 true classes.
        weights: (rows,) of the sum; None = 1 each.
        chunk_rows: rows whose logits are held at a time; None = what fits the caches.

    Returns:
        The sum, a scalar with gradients for hidden, table and bias, and the losses (rows,) without gradient, in nats,
        float32 (float64 for float64 inputs). Under autocast the products are in its type, all else in float32.
    """
    if weights is None:
        weights = torch.ones(len(hidden), device=hidden.device)
    if chunk_rows is None:
        chunk_rows = max(1, (CUDA_CHUNK_LOGITS if hidden.is_cuda else CPU_CHUNK_LOGITS) // len(table))
    device = hidden.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
    plan = _Plan(chunk_rows, dtype, torch.is_grad_enabled())
    total, losses = _LinearCrossEntropy.apply(hidden, table, bias, targets, weights, plan)  # type: ignore[no-untyped-call]
    return total, losses


class _Plan(NamedTuple):
    """Rows of a chunk, type of the matrix products, and whether gradients are made along the way."""

    chunk_rows: int
    dtype: torch.dtype
    with_gradient: bool


class _LinearCrossEntropy(torch.autograd.Function):
    """The weighted sum, and the rows."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        table: Tensor,
        bias: Tensor,
        targets: Tensor,
        weights: Tensor,
        plan: _Plan,
    ) -> tuple[Tensor, Tensor]:
        """Return the weighted sum and the losses of the rows; gradients are made along the way, chunk by chunk."""
        exact = torch.promote_types(plan.dtype, torch.float32)
        parts = max(1, -(-len(hidden) // plan.chunk_rows))
        weights = weights.to(exact)
        with torch.autocast(hidden.device.type, enabled=False):
            chunks = [rows.tensor_split(parts) for rows in (hidden.to(plan.dtype), targets, weights)]
            table, bias = table.to(plan.dtype), bias.to(plan.dtype)
            sums = _Gradients(table, exact) if plan.with_gradient else None
            losses = torch.cat([_chunk(h, t, w, table, bias, sums) for h, t, w in zip(*chunks, strict=True)])
        if sums is not None:
            ctx.save_for_backward(torch.cat(sums.hidden), sums.table, sums.bias)
            ctx.dtypes = hidden.dtype
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of hidden rows, table and bias, which `forward` has made for a scale of 1."""
        hidden, table, bias = ctx.saved_tensors
        return (hidden * scale).to(ctx.dtypes), table * scale, bias * scale, None, None, None


class _Gradients:
    """Gradients of the weighted sum: one tensor per chunk for the rows, running sums for table and bias."""

    def __init__(self, table: Tensor, dtype: torch.dtype) -> None:
        self.hidden: list[Tensor] = []
        self.table = torch.zeros(table.shape, dtype=dtype, device=table.device)
        self.bias = torch.zeros(len(table), dtype=dtype, device=table.device)

    def add(self, error: Tensor, hidden: Tensor, table: Tensor, weights: Tensor) -> None:
        """Add a chunk whose loss changes with its logits by `error` (rows, classes), in full precision."""
        low = error.to(hidden.dtype)
        self.hidden.append((low @ table).to(error.dtype) * weights.unsqueeze(1))
        weighted = (hidden * weights.unsqueeze(1)).to(hidden.dtype)
        if low.dtype == self.table.dtype:
            self.table.addmm_(low.t(), weighted)
        else:
            self.table += low.t() @ weighted
        self.bias.addmv_(error.t(), weights)


def _chunk(
    hidden: Tensor,
    targets: Tensor,
    weights: Tensor,
    table: Tensor,
    bias: Tensor,
    gradients: _Gradients | None,
) -> Tensor:
    """Return the losses (rows,) of one chunk and add its gradients."""
    logits = torch.addmm(bias, hidden, table.t()).to(weights.dtype)
    target = targets.unsqueeze(1)
    truth, largest = logits.gather(1, target), logits.amax(1, keepdim=True)
    probability = torch.softmax(logits, 1, out=logits)
    # the largest probability is 1 / sum(exp(logits - largest)): no second pass of exponentials
    losses = (largest - truth) - probability.amax(1, keepdim=True).log()
    if gradients is not None:
        probability.scatter_add_(1, target, torch.full_like(losses, -1.0))
        gradients.add(probability, hidden, table, weights)
    return losses.squeeze(1)
