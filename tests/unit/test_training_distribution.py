"""What each process computes: together they compute the batch, in exact weights."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from training_examples import TinyData, TinyObjective

from prehep.objectives.base import Batch
from prehep.training.distribution import divided, rank_rows, weighted_parts
from prehep.training.sub_batches import parts_of


def corrupted(objective: TinyObjective, entries: int) -> Batch:
    batch = TinyData(entries, most=7).batch(np.arange(entries))
    batch["features"] = batch["features"].double()
    return objective.corrupt(batch, torch.Generator().manual_seed(entries))


def gradient(objective: TinyObjective, batches: list[tuple[Batch, float]]) -> Tensor:
    objective.zero_grad()
    for batch, weight in batches:
        torch.autograd.backward(objective(batch)["loss"] * weight)
    return torch.cat([one.grad.flatten() for one in objective.parameters() if one.grad is not None])


@given(st.integers(0, 50), st.integers(1, 9))
def test_rows_are_shared_out_evenly(entries: int, world_size: int) -> None:
    shares = [rank_rows(entries, rank, world_size).numpy() for rank in range(world_size)]
    for share, expected in zip(shares, np.array_split(np.arange(entries), world_size), strict=True):
        np.testing.assert_array_equal(share, expected)


@pytest.mark.parametrize(("entries", "world_size"), [(5, 1), (300, 1), (300, 2), (301, 3), (2, 3), (1, 4)])
def test_all_processes_together_have_the_gradient_of_the_batch(entries: int, world_size: int) -> None:
    torch.manual_seed(1)
    objective = TinyObjective().double().eval()
    batch = corrupted(objective, entries)
    shares = [weighted_parts(objective, batch, rank, world_size) for rank in range(world_size)]
    assert all(shares)
    parts = [(part.batch, part.weight) for share in shares for part in share]
    assert sum(weight for _, weight in parts) == pytest.approx(1.0)
    torch.testing.assert_close(gradient(objective, parts), gradient(objective, [(batch, 1.0)]), rtol=1e-9, atol=1e-12)


def test_a_process_without_rows_computes_a_row_that_does_not_count() -> None:
    objective = TinyObjective().double()
    (part,) = weighted_parts(objective, corrupted(objective, 2), rank=2, world_size=3)
    assert part.weight == 0
    assert len(part.batch["lengths"]) == 1


def test_a_batch_without_terms_has_no_weight() -> None:
    objective = TinyObjective().double()
    batch = corrupted(objective, 4)
    batch["hidden"][:] = False
    assert [part.weight for part in weighted_parts(objective, batch)] == [0.0]


class Indivisible(TinyObjective):
    """A task whose loss is no mean over entries."""

    additive = False


def test_what_cannot_be_divided_is_computed_whole_by_every_process() -> None:
    objective = Indivisible().double()
    batch = corrupted(objective, 300)
    parts = [part for rank in range(2) for part in weighted_parts(objective, batch, rank, 2)]
    assert [(len(part.batch["lengths"]), part.weight) for part in parts] == [(300, 0.5), (300, 0.5)]
    assert divided(objective, batch) == [batch]
    assert len(divided(TinyObjective(), batch)) == parts_of(300) > 1
