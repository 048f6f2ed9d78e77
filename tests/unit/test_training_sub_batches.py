"""Batches in parts: nothing is lost, padding is trimmed, and the gradient is that of the whole batch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from training_examples import TinyData, TinyObjective

from prehep.objectives.base import Batch
from prehep.training.sub_batches import parts_of, split_batch, take, trim


def ragged(lengths: list[int]) -> Batch:
    """Return a batch in which every place says which entry it belongs to, padding is 0."""
    sizes = torch.tensor(lengths)
    places = torch.arange(max(1, *lengths)) < sizes.unsqueeze(1)
    entries = torch.arange(1, len(lengths) + 1)
    return {"place": places * entries.unsqueeze(1), "entry": entries, "lengths": sizes}


def rows(batch: Batch) -> list[tuple[int, int, int]]:
    return [
        (int(e), int(n), int((p == e).sum()))
        for e, n, p in zip(batch["entry"], batch["lengths"], batch["place"], strict=True)
    ]


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.integers(1, 10))
def test_parts_hold_every_entry_once_with_all_its_places(lengths: list[int], parts: int) -> None:
    whole = ragged(lengths)
    split = split_batch(whole, parts)
    assert sorted(row for part in split for row in rows(part)) == rows(whole)
    assert len(split) == min(parts, len(lengths))


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.integers(2, 10))
def test_parts_are_even_sorted_and_trimmed(lengths: list[int], parts: int) -> None:
    split = split_batch(ragged(lengths), parts)
    sizes = [len(part["entry"]) for part in split]
    assert max(sizes) - min(sizes) <= 1
    flat = torch.cat([part["lengths"] for part in split])
    assert flat.tolist() == sorted(lengths)
    assert all(part["place"].shape[1] == max(1, int(part["lengths"].max())) for part in split)


def test_entries_of_equal_length_keep_their_order() -> None:
    split = split_batch(ragged([3, 1, 3, 1, 3]), 2)
    assert [part["entry"].tolist() for part in split] == [[2, 4, 1], [3, 5]]


def test_one_part_keeps_the_order_and_is_trimmed() -> None:
    batch = ragged([2, 4, 3])
    (part,) = split_batch(take(batch, torch.tensor([0, 2])), 1)
    assert part["entry"].tolist() == [1, 3]
    assert part["place"].tolist() == [[1, 1, 0], [3, 3, 3]]


def test_trimming_leaves_a_place() -> None:
    assert trim(ragged([0, 0]))["place"].shape == (2, 1)


@pytest.mark.parametrize(
    ("batch_size", "parts"), [(1, 1), (127, 1), (255, 1), (256, 2), (512, 2), (1024, 4), (4096, 8)]
)
def test_number_of_parts_is_a_function_of_the_batch_size(batch_size: int, parts: int) -> None:
    assert parts_of(batch_size) == parts


def gradient(objective: TinyObjective, weighted: list[tuple[float, Batch]]) -> Tensor:
    objective.zero_grad()
    for weight, part in weighted:
        torch.autograd.backward(weight * objective(part)["loss"])
    return torch.cat([parameter.grad.flatten() for parameter in objective.parameters() if parameter.grad is not None])


@given(st.integers(2, 60), st.integers(1, 8), st.integers(0, 50))
def test_weighted_parts_have_the_gradient_of_the_batch(entries: int, parts: int, seed: int) -> None:
    torch.manual_seed(seed)
    objective = TinyObjective().double().eval()
    batch = TinyData(entries, seed, most=6).batch(np.arange(entries))
    batch["features"] = batch["features"].double()
    whole = objective.corrupt(batch, torch.Generator().manual_seed(seed))
    terms = max(1, objective.terms(whole))
    split = [(objective.terms(part) / terms, part) for part in split_batch(whole, parts)]
    torch.testing.assert_close(gradient(objective, split), gradient(objective, [(1.0, whole)]), rtol=1e-10, atol=1e-12)
