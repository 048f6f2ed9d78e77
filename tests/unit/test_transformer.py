"""Blocks of the transformer: padding, permutations, and agreement with torch's own."""

from typing import Literal

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from prehep.models.attention import make_layout
from prehep.models.transformer import Block, SelfAttention, Transformer

WIDTH, LENGTH = 16, 6


@pytest.fixture
def transformer() -> Transformer:
    torch.manual_seed(0)
    return Transformer(WIDTH, layers=2, heads=4, feedforward=32).eval()


@pytest.fixture
def tokens() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0]], dtype=torch.bool)
    return torch.randn(3, LENGTH, WIDTH, generator=generator), mask


def test_attention_equals_scaled_dot_product_attention(tokens: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, mask = tokens
    attention = SelfAttention(WIDTH, heads=4).eval()
    query, key, value = attention.project_in(x).view(3, LENGTH, 3, 4, 4).permute(2, 0, 3, 1, 4)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
    expected = attention.project_out(expected.transpose(1, 2).reshape(3, LENGTH, WIDTH))
    layout = make_layout(mask, 4)
    torch.testing.assert_close(attention(x[mask], layout), expected[mask])


def torch_layer(block: Block, norm: str) -> nn.TransformerEncoderLayer:
    """Return torch's own layer with the weights of a block."""
    layer = nn.TransformerEncoderLayer(
        WIDTH, 4, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm == "pre"
    )
    pairs = {
        "self_attn.in_proj_": block.attention.project_in,
        "self_attn.out_proj.": block.attention.project_out,
        "linear1.": block.network[0],
        "linear2.": block.network[2],
        "norm1.": block.attention_norm,
        "norm2.": block.network_norm,
    }
    weights = {f"{name}{kind}": getattr(mine, kind) for name, mine in pairs.items() for kind in ("weight", "bias")}
    layer.load_state_dict(weights)
    return layer


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_blocks_equal_those_of_torch(tokens: tuple[torch.Tensor, torch.Tensor], norm: Literal["pre", "post"]) -> None:
    x, mask = tokens[0].requires_grad_(), tokens[1]
    transformer = Transformer(WIDTH, layers=2, heads=4, feedforward=32, norm=norm)
    for name, value in transformer.named_parameters():
        nn.init.normal_(value, mean=float("norm" in name), std=0.5)
    assert any(name.startswith("norm.") for name, _ in transformer.named_parameters()) == (norm == "pre")
    expected = x
    for block in transformer.blocks:
        assert isinstance(block, Block)
        expected = torch_layer(block, norm)(expected, src_key_padding_mask=~mask)
    expected = transformer.norm(expected)
    torch.testing.assert_close(transformer(x, mask)[mask], expected[mask], rtol=1e-4, atol=1e-4)
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(2)) * mask.unsqueeze(-1)
    mine, wanted = (torch.autograd.grad((out * weights).sum(), x)[0] for out in (transformer(x, mask), expected))
    torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-3)


def test_padding_changes_nothing(transformer: Transformer, tokens: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, mask = tokens
    other = torch.where(mask[..., None], x, torch.full_like(x, 1e3))
    torch.testing.assert_close(transformer(other, mask), transformer(x, mask), rtol=0, atol=0)


def test_padding_equals_its_absence(transformer: Transformer, tokens: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, mask = tokens
    short = x[1:2, mask[1]]
    alone = transformer(short, torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(transformer(x, mask)[1:2, mask[1]], alone, rtol=1e-5, atol=1e-5)


def test_permuting_the_tokens_permutes_the_output(
    transformer: Transformer, tokens: tuple[torch.Tensor, torch.Tensor]
) -> None:
    x, mask = tokens
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    permuted = transformer(x[:, order], mask[:, order])
    torch.testing.assert_close(permuted, transformer(x, mask)[:, order], rtol=1e-5, atol=1e-5)


def test_tokens_see_each_other(transformer: Transformer, tokens: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, mask = tokens
    changed = x.clone()
    changed[0, 5] += torch.linspace(-1, 1, WIDTH)
    assert not torch.allclose(transformer(changed, mask)[0, 0], transformer(x, mask)[0, 0])


def test_row_of_padding_gives_zeros_and_finite_gradients(transformer: Transformer) -> None:
    x = torch.randn(2, LENGTH, WIDTH, requires_grad=True)
    mask = torch.tensor([[False] * LENGTH, [True] * LENGTH])
    out = transformer(x, mask)
    out.sum().backward()
    assert (out[0] == 0).all()
    assert out.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in transformer.parameters())


def test_row_of_padding_is_finite_in_bfloat16(transformer: Transformer) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        out = transformer(torch.randn(1, LENGTH, WIDTH), torch.zeros(1, LENGTH, dtype=torch.bool))
    assert out.isfinite().all()


def test_dropout_only_while_training(tokens: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, mask = tokens
    transformer = Transformer(WIDTH, layers=1, heads=4, feedforward=32, dropout=0.5)
    assert not torch.equal(transformer.train()(x, mask), transformer(x, mask))
    assert torch.equal(transformer.eval()(x, mask), transformer(x, mask))


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        SelfAttention(10, heads=4)
