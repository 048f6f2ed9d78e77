"""Mixup of event vectors: known mixtures, symmetry, the distribution of the shares."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from prehep.training.mixup import Mixture, draw_mixture, mixed_loss

BATCH, WIDTH = 6, 4


def batch(seed: int = 1) -> tuple[Tensor, Tensor, nn.Linear]:
    torch.manual_seed(seed)
    return torch.randn(BATCH, WIDTH), torch.randint(2, (BATCH,)), nn.Linear(WIDTH, 2)


def test_known_mixture() -> None:
    pooled, labels = torch.tensor([[4.0, 0.0], [0.0, 8.0]]), torch.tensor([0, 1])
    seen: list[Tensor] = []
    mixture = Mixture(0.75, torch.tensor([1, 0]))
    loss = mixed_loss(pooled, labels, lambda mixed: seen.append(mixed) or mixed, mixture)
    assert seen[0].tolist() == [[3.0, 2.0], [1.0, 6.0]]
    logs = torch.log_softmax(torch.tensor([[3.0, 2.0], [1.0, 6.0]]), dim=1)
    expected = -(0.75 * (logs[0, 0] + logs[1, 1]) + 0.25 * (logs[0, 1] + logs[1, 0])) / 2
    assert float(loss) == pytest.approx(float(expected))


def test_whole_share_is_no_mixture() -> None:
    pooled, labels, head = batch()
    loss = mixed_loss(pooled, labels, head, Mixture(1.0, torch.randperm(BATCH)))
    assert torch.equal(loss, functional.cross_entropy(head(pooled), labels))


@given(share=st.floats(0, 1), seed=st.integers(0, 99))
def test_swapping_events_and_shares_changes_nothing(share: float, seed: int) -> None:
    pooled, labels, head = batch(seed)
    partner = torch.randperm(BATCH, generator=torch.Generator().manual_seed(seed))
    loss = mixed_loss(pooled, labels, head, Mixture(share, partner))
    swapped = mixed_loss(pooled[partner], labels[partner], head, Mixture(1 - share, torch.argsort(partner)))
    torch.testing.assert_close(loss, swapped)


def test_swapping_the_classes_changes_nothing() -> None:
    pooled, labels, head = batch()
    mixture = draw_mixture(0.4, BATCH, 3)
    swapped = mixed_loss(pooled, 1 - labels, lambda mixed: head(mixed).flip(1), mixture)
    torch.testing.assert_close(mixed_loss(pooled, labels, head, mixture), swapped)


def test_shares_follow_the_distribution_and_the_seed() -> None:
    shares = np.array([draw_mixture(0.5, 2, seed).share for seed in range(2000)])
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / 8, abs=0.01), "variance of Beta(a, a) is 1 / (8 a + 4)"
    first, second = draw_mixture(0.5, 9, 4), draw_mixture(0.5, 9, 4)
    assert first.share == second.share
    assert torch.equal(first.partner, second.partner)
    assert sorted(first.partner.tolist()) == list(range(9))
