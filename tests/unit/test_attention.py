"""The attention with a hand-written gradient against torch's own, over shapes and types."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from prehep.models.attention import attend, attention_bias, join_heads, make_gather, make_layout, split_heads


def reference(projected: Tensor, mask: Tensor, heads: int) -> Tensor:
    """Return what torch's attention makes of the same projections."""
    batch, length, width = projected.shape
    query, key, value = projected.view(batch, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
    return mixed.transpose(1, 2).reshape(batch, length, width // 3)


def example(batch: int, length: int, heads: int, features: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return projections (batch, length, 3 * heads * features) and a mask with at least one real place per row."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(batch, length, generator=generator) < 0.7
    mask[:, 0] = True
    return torch.randn(batch, length, 3 * heads * features, generator=generator), mask


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 9),
    length=st.integers(1, 22),
    heads=st.integers(1, 8),
    features=st.sampled_from([1, 2, 3, 4, 8, 12, 32]),
    dropout=st.sampled_from([0.0, 1e-12]),
)
def test_equals_torch_in_value_and_gradient(batch: int, length: int, heads: int, features: int, dropout: float) -> None:
    projected, mask = example(batch, length, heads, features, seed=length)
    projected.requires_grad_()
    layout = make_layout(mask, heads)
    assert layout.rows == -(-batch // max(1, 16 // length))
    mine, expected = attend(projected[mask], layout, heads, dropout), reference(projected, mask, heads)[mask]
    torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-5)
    weights = torch.randn(mine.shape, generator=torch.Generator().manual_seed(1))
    found, wanted = (torch.autograd.grad((out * weights).sum(), projected)[0] for out in (mine, expected))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_gradient_is_the_derivative() -> None:
    projected, mask = example(2, 5, 2, 3)
    leaf = projected[mask].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: attend(x, make_layout(mask, 2), 2), leaf)


def test_inside_a_bfloat16_network_only_input_and_output_are_rounded() -> None:
    projected, mask = example(4, 12, 8, 8)
    low = projected.bfloat16().requires_grad_()
    exact = low.detach().float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        mine = attend(low[mask], make_layout(mask, 8), 8)
    expected = reference(exact, mask, 8)[mask]
    assert mine.dtype == torch.bfloat16
    assert (mine - expected).abs().max() < 0.01
    weights = torch.randn(mine.shape).bfloat16()
    (found,) = torch.autograd.grad(mine, low, weights)
    (wanted,) = torch.autograd.grad(expected, exact, weights.float())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), wanted, rtol=1e-2, atol=1e-2)


def test_dropout_keeps_the_mean() -> None:
    projected, mask = example(3, 7, 2, 8)
    many, masks = projected.repeat(2_000, 1, 1), mask.repeat(2_000, 1)
    torch.manual_seed(0)
    mean = attend(many[masks], make_layout(masks, 2), 2, dropout=0.5).view(2_000, -1, 16).mean(0)
    torch.testing.assert_close(mean, attend(projected[mask], make_layout(mask, 2), 2), rtol=0, atol=0.15)


def test_bias_hides_padding_of_every_head_and_is_finite() -> None:
    bias = attention_bias(torch.tensor([[True, False], [False, False]]), 3)
    assert bias.shape == (6, 16, 1)
    assert (bias[:3, 0] == 0).all()
    assert (bias[:3, 1:] < -1e30).all()
    assert bias.isfinite().all()
    assert attention_bias(torch.ones(1, 17, dtype=torch.bool), 1).shape == (1, 17, 1)


def test_sequences_side_by_side_do_not_see_each_other() -> None:
    bias = attention_bias(torch.tensor([[True, True], [True, False]]), 1, together=2)
    assert bias.shape == (1, 16, 16)
    assert (bias[0, :4, :4] == 0).int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]


def test_padding_takes_no_place() -> None:
    layout = make_layout(torch.tensor([[True, True, False], [True, False, False]]), 1)
    assert layout.places.tolist() == [0, 1, 3]
    x = torch.arange(6.0).view(3, 2)
    assert layout.pad(x).shape == (1, 15, 2)
    assert layout.pad(x)[0, :5].tolist() == [[0, 1], [2, 3], [0, 0], [4, 5], [0, 0]]
    assert torch.equal(layout.take(layout.pad(x)), x)


def test_places_that_do_not_exist_point_after_the_last_vector() -> None:
    gather = make_gather(torch.tensor([0, 1, 3]), rows=2, length=3, keys=4, heads=2)
    assert gather.places.tolist() == [0, 1, 4]
    assert gather.mixed.view(2, 2, 4).tolist() == [[[0, 2, 6, 6], [1, 3, 6, 6]], [[4, 6, 6, 6], [5, 6, 6, 6]]]
    assert gather.projected.view(3, 2, 2, 4)[1, 0].tolist() == [[2, 8, 18, 18], [3, 9, 18, 18]]


def test_without_a_real_place_nothing_is_attended_to() -> None:
    layout = make_layout(torch.zeros(2, 5, dtype=torch.bool), 2)
    leaf = torch.zeros(0, 24, requires_grad=True)
    mixed = attend(leaf, layout, 2)
    assert mixed.shape == (0, 8)
    assert torch.autograd.grad(mixed.sum(), leaf)[0].shape == (0, 24)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("features", [1, 3, 8])
def test_splitting_and_joining_heads_is_nothing(dtype: torch.dtype, features: int) -> None:
    padded = torch.randn(2, 5, 3 * 4 * features).to(dtype)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    x = padded[mask]
    gather = make_gather(mask.flatten().nonzero().squeeze(1), rows=2, length=5, keys=7, heads=4)
    parts = split_heads(x, gather.projected, features, 7).view(3, 8, 7, features)
    expected = (padded * mask.unsqueeze(2)).view(2, 5, 3, 4, features).permute(2, 0, 3, 1, 4)
    assert torch.equal(parts[:, :, :5], expected.reshape(3, 8, 5, features).to(parts.dtype))
    assert not parts[:, :, 5:].any()
    assert torch.equal(join_heads(parts.transpose(2, 3).contiguous(), gather.places, 4, dtype), x)
