"""The chunked cross-entropy of a linear layer against that of torch: values, gradients, memory."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from prehep.models.cross_entropy import linear_cross_entropy


def example(
    rows: int, classes: int, width: int = 8, seed: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Return rows, table and bias that ask for gradients, targets, and weights with zeros among them."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((rows, width), (classes, width), (classes,))
    leaves = [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]
    weights = torch.rand(rows, generator=generator, dtype=dtype) * (torch.rand(rows, generator=generator) < 0.8)
    return leaves, torch.randint(classes, (rows,), generator=generator), weights


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(0, 40), classes=st.integers(1, 300), chunk=st.integers(1, 50), seed=st.integers(0, 1000))
def test_equals_the_cross_entropy_of_all_logits(rows: int, classes: int, chunk: int, seed: int) -> None:
    (hidden, table, bias), targets, weights = example(rows, classes, seed=seed)
    total, losses = linear_cross_entropy(hidden, table, bias, targets, weights, chunk)
    expected = F.cross_entropy(F.linear(hidden, table, bias), targets, reduction="none")
    torch.testing.assert_close(losses, expected.detach(), rtol=1e-5, atol=2e-6)
    torch.testing.assert_close(total, (expected * weights).sum(), rtol=1e-5, atol=1e-5)
    found = torch.autograd.grad(3 * total, (hidden, table, bias))
    for mine, reference in zip(
        found, torch.autograd.grad(3 * (expected * weights).sum(), (hidden, table, bias)), strict=True
    ):
        torch.testing.assert_close(mine, reference, rtol=1e-5, atol=2e-5)
    assert not losses.requires_grad


def test_gradients_are_derivatives() -> None:
    leaves, targets, weights = example(7, 11, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *x: linear_cross_entropy(*x, targets, weights, 3)[0], leaves)


def test_weights_are_1_by_default_and_confident_rows_are_exact() -> None:
    (hidden, table, bias), targets, _ = example(5, 9)
    total, losses = linear_cross_entropy(hidden * 40, table, bias, targets)
    expected = F.cross_entropy(F.linear(hidden * 40, table, bias), targets, reduction="none")
    torch.testing.assert_close(losses, expected.detach(), rtol=1e-5, atol=1e-4)
    assert total.item() == pytest.approx(losses.sum().item())


def test_bfloat16_rounds_the_products_only() -> None:
    leaves, targets, weights = example(50, 500, 64)
    hidden, table, bias = (values.detach().mul(0.3).requires_grad_() for values in leaves)
    expected = F.cross_entropy(F.linear(hidden, table, bias), targets, reduction="none")
    reference = torch.autograd.grad((expected * weights).sum(), (hidden, table, bias))
    with torch.autocast("cpu", torch.bfloat16):
        total, losses = linear_cross_entropy(hidden, table, bias, targets, weights, 20)
    assert total.dtype == losses.dtype == torch.float32
    torch.testing.assert_close(losses, expected.detach(), rtol=1e-2, atol=1e-2)
    for mine, exact in zip(torch.autograd.grad(total, (hidden, table, bias)), reference, strict=True):
        assert mine.dtype == torch.float32
        assert (mine - exact).norm() < 0.01 * exact.norm()


class LargestTensor(TorchDispatchMode):
    """Remembers the operations and the number of elements of the largest tensor that any of them made."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0
        self.operations: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        found = func(*args, **(kwargs or {}))
        self.operations.add(str(func.overloadpacket))
        for value in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(value, Tensor):
                self.elements = max(self.elements, value.numel())
        return found


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_full_logits_are_never_held(precision: torch.dtype) -> None:
    leaves, targets, weights = example(100, 1000)
    with LargestTensor() as mine, torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        linear_cross_entropy(*leaves, targets, weights, 10)[0].backward()
    with LargestTensor() as all_logits:
        F.cross_entropy(F.linear(*leaves), targets).backward()
    assert mine.elements == 10 * 1000
    assert all_logits.elements == 100 * 1000


def test_no_gradients_are_made_where_none_are_wanted() -> None:
    leaves, targets, weights = example(40, 100)
    with LargestTensor() as training:
        expected = linear_cross_entropy(*leaves, targets, weights, 10)[0]
    with torch.no_grad(), LargestTensor() as evaluation:
        total, _ = linear_cross_entropy(*leaves, targets, weights, 10)
    assert not total.requires_grad
    assert total.item() == expected.item()
    assert training.operations - evaluation.operations >= {"aten.addmm_", "aten.addmv_", "aten.scatter_add_"}


def test_large_logits_keep_their_digits() -> None:
    weights, targets = torch.ones(1), torch.zeros(1, dtype=torch.int64)
    table, bias = torch.eye(3), torch.zeros(3)
    _, alike = linear_cross_entropy(torch.full((1, 3), 1e20), table, bias, targets, weights)
    torch.testing.assert_close(alike, torch.full((1,), 3.0).log())
    _, certain = linear_cross_entropy(torch.tensor([[14.0, 0.0, 0.0]]), table, bias, targets, weights)
    torch.testing.assert_close(certain, torch.tensor([1.663e-6]), rtol=1e-2, atol=0.0)
