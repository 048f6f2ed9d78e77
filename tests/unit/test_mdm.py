"""Masked detector modules."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from track_examples import straight_tracks

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.objectives.mdm import MaskedModules, choose_hits
from prehep.tokens.track_vocabulary import FIRST_MODULE, MASK

DATA = straight_tracks(300)
SIZE = DATA.info["vocabulary_size"]
MODEL = ModelSettings(width=16, layers=1, heads=2, feedforward=32)


def make_task(**changes: Any) -> MaskedModules:
    torch.manual_seed(1)
    objective = ObjectiveSettings.model_validate({"name": "mdm", "mask_rate": 0.3} | changes)
    return MaskedModules.build(objective, MODEL, DATA.info)


def corrupted(task: MaskedModules, tracks: int = 300, seed: int = 5) -> dict[str, torch.Tensor]:
    return task.corrupt(DATA.batch(np.arange(tracks)), torch.Generator().manual_seed(seed))


@settings(max_examples=40, deadline=None)
@given(
    hits=st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=8),
    rate=st.floats(1e-6, 1.0),
    seed=st.integers(0, 1000),
)
def test_only_hits_are_chosen_and_at_least_one(hits: list[list[bool]], rate: float, seed: int) -> None:
    real = torch.tensor(hits)
    chosen = choose_hits(real, rate, torch.Generator().manual_seed(seed))
    assert not (chosen & ~real).any()
    assert torch.equal(chosen.any(1), real.any(1))
    if rate == 1.0:
        assert torch.equal(chosen, real)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), scheme=st.sampled_from(["pure", "mixed"]))
def test_specials_stay_and_targets_are_the_truth(seed: int, scheme: str) -> None:
    batch = DATA.batch(np.arange(50))
    found = make_task(mask_scheme=scheme).corrupt(batch, torch.Generator().manual_seed(seed))
    real = batch["tokens"] >= FIRST_MODULE
    assert torch.equal(found["targets"], batch["tokens"])
    assert torch.equal(found["tokens"][~found["chosen"]], batch["tokens"][~found["chosen"]])
    assert not (found["chosen"] & ~real).any()
    shown = found["tokens"][found["chosen"]]
    assert ((shown >= MASK) & (shown < SIZE)).all()
    if scheme == "pure":
        assert (shown == MASK).all()


def test_small_rate_masks_exactly_one_hit_each_with_equal_probability() -> None:
    hits = torch.tensor([[False, True, True, True, True, False]]).expand(8_000, 6)
    chosen = choose_hits(hits, 1e-9, torch.Generator().manual_seed(2))
    assert (chosen.sum(1) == 1).all()
    assert torch.allclose(chosen.float().mean(0)[1:5], torch.tensor(0.25), atol=0.02)


def test_mixed_scheme_shows_80_10_10() -> None:
    task = make_task(mask_scheme="mixed", mask_rate=1.0)
    found = [corrupted(task, seed=seed) for seed in range(5)]
    shown = torch.cat([part["tokens"][part["chosen"]] for part in found])
    true = torch.cat([part["targets"][part["chosen"]] for part in found])
    assert (shown == MASK).float().mean() == pytest.approx(0.8, abs=0.02)
    assert (shown == true).float().mean() == pytest.approx(0.1, abs=0.02)


def test_masks_depend_on_the_generator_alone() -> None:
    task = make_task()
    assert torch.equal(corrupted(task)["tokens"], corrupted(task)["tokens"])
    assert not torch.equal(corrupted(task)["tokens"], corrupted(task, seed=6)["tokens"])


@pytest.mark.parametrize("embedding", ["token", "geometry"])
def test_uniform_logits_cost_the_logarithm_of_the_vocabulary(embedding: str) -> None:
    task = make_task(embedding=embedding)
    torch.nn.init.zeros_(task.transform[-1].weight)
    torch.nn.init.zeros_(task.transform[-1].bias)
    found = task.eval()(corrupted(task))
    for name in ("loss", "loss_masked", "loss_all"):
        assert found[name].item() == pytest.approx(math.log(SIZE), rel=1e-5)


def test_losses_are_means_over_their_terms() -> None:
    task = make_task(embedding="geometry").eval()
    batch = corrupted(task)
    found = task(batch)
    real = batch["targets"] >= FIRST_MODULE
    every = torch.full(real.shape, True)
    logits = task.logits(batch["tokens"], every).view(*real.shape, SIZE)
    values = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch["targets"], reduction="none")
    assert found["loss_masked"].item() == pytest.approx(values[batch["chosen"]].mean().item(), rel=1e-4)
    assert found["loss_all"].item() == pytest.approx(values[real].mean().item(), rel=1e-4)
    assert found["n_masked"] == batch["chosen"].sum()
    assert found["n_all"] == real.sum()
    assert task.train()(batch)["loss"].item() == pytest.approx(found["loss_masked"].item(), rel=1e-4)


@pytest.mark.parametrize("embedding", ["token", "geometry"])
@pytest.mark.parametrize("training", [False, True])
def test_static_shapes_change_no_loss(*, training: bool, embedding: str) -> None:
    task = make_task(embedding=embedding).train(training)
    for seed in range(3):
        batch = corrupted(task, 60, seed)
        static = task.static(batch, length=10, budget=600)
        assert static["tokens"].shape == static["chosen"].shape == (60, 10)
        assert static["asked"].shape == static["weights"].shape == (600,)
        found, expected = task(static), task(batch)
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value.item(), rel=1e-5)
        names = [name for name, parameter in task.named_parameters() if parameter.requires_grad]
        gradients = [torch.autograd.grad(out["loss"], list(task.parameters())) for out in (found, expected)]
        for name, mine, wanted in zip(names, *gradients, strict=True):
            torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-6, msg=name)


def test_static_batch_that_asks_for_too_much_is_refused() -> None:
    task = make_task().train()
    batch = corrupted(task, 60)
    with pytest.raises(ValueError, match="places are asked for, more than the budget of 10"):
        task.static(batch, length=10, budget=10)
    with pytest.raises(ValueError, match="tokens has 10 places, more than 9"):
        task.static(batch, length=9, budget=600)


def test_gradient_of_a_batch_is_the_weighted_sum_of_those_of_its_parts() -> None:
    task = make_task(embedding="geometry").train()
    batch = corrupted(task)
    parameters = list(task.parameters())
    whole = torch.autograd.grad(task(batch)["loss"], parameters)
    assert task.terms(batch) == batch["chosen"].sum()
    sums = [torch.zeros_like(parameter) for parameter in parameters]
    for rows in torch.arange(300).split(77):
        part = {name: values[rows] for name, values in batch.items()}
        scaled = task.terms(part) / task.terms(batch) * task(part)["loss"]
        sums = [a + b for a, b in zip(sums, torch.autograd.grad(scaled, parameters), strict=True)]
    for mine, wanted in zip(sums, whole, strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("embedding", ["token", "geometry"])
def test_output_is_tied_to_the_embedding(embedding: str) -> None:
    task = make_task(embedding=embedding)
    batch = corrupted(task, 20)
    task(batch)["loss"].backward()
    assert sum(SIZE in parameter.shape for parameter in task.parameters()) == 2
    gradient = task.encoder.tokens.weight.grad
    assert gradient is not None
    absent = torch.ones(SIZE, dtype=torch.bool).index_fill(0, batch["tokens"].unique(), value=False)
    assert gradient[absent].abs().sum(1).gt(0).all()
    if task.encoder.geometry is not None:
        assert all(parameter.grad.abs().sum() > 0 for parameter in task.encoder.geometry.parameters())


def test_predict_is_the_best_module_of_the_asked_position() -> None:
    task = make_task(embedding="geometry").eval()
    tokens = DATA.batch(np.arange(10))["tokens"]
    torch.nn.init.constant_(task.bias[:FIRST_MODULE], 100.0)
    positions = torch.arange(10) % 4 + 1
    asked = torch.nn.functional.one_hot(positions, tokens.shape[1]).bool()
    expected = task.logits(tokens, asked)[:, FIRST_MODULE:].argmax(1) + FIRST_MODULE
    assert torch.equal(task.predict(tokens, positions), expected)
    one = torch.cat([task.predict(tokens[i : i + 1], positions[i : i + 1]) for i in range(10)])
    assert torch.equal(one, expected)


def test_learns_straight_tracks() -> None:
    task = make_task(embedding="geometry", mask_rate=0.1).train()
    losses = []
    for step in range(20):
        loss = task(corrupted(task, 100, seed=step))["loss"]
        gradients = torch.autograd.grad(loss, list(task.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(task.parameters(), gradients, strict=True):
                parameter.sub_(0.01 * gradient.sign())
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
