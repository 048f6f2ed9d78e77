"""Masked object type: what is hidden, losses with known values, and that the task can be learned."""

import math

import numpy as np
import pytest
import torch
from event_examples import loss_in_parts, make_data
from torch import Tensor
from torch.nn import functional as F

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.core.errors import ConfigError
from prehep.objectives.masked_type import MaskedType

MODEL = ModelSettings(width=16, layers=1, heads=2, feedforward=32)


def build(loss_on: str = "masked", mask_rate: float = 0.65) -> MaskedType:
    torch.manual_seed(0)
    settings = ObjectiveSettings.model_validate({"name": "masked_type", "loss_on": loss_on, "mask_rate": mask_rate})
    return MaskedType.build(settings, MODEL, make_data().info)


def corrupted(objective: MaskedType, seed: int = 0) -> dict[str, Tensor]:
    return objective.corrupt(make_data().batch(np.arange(100)), torch.Generator().manual_seed(seed))


def test_types_of_masked_objects_are_zero_and_the_rest_stays() -> None:
    batch = corrupted(build())
    inputs, features, masked = batch["inputs"], batch["features"], batch["masked"]
    assert (inputs[masked][:, 5:] == 0).all()
    assert torch.equal(inputs[masked][:, :5], features[masked][:, :5])
    assert torch.equal(inputs[~masked], features[~masked])
    assert torch.equal(features, make_data().batch(np.arange(100))["features"])


def test_uniform_logits_give_log_4() -> None:
    objective = build()
    torch.nn.init.zeros_(objective.head.weight)
    torch.nn.init.zeros_(objective.head.bias)
    losses = objective(corrupted(objective))
    for name in ("loss", "loss_masked", "loss_all"):
        assert losses[name].item() == pytest.approx(math.log(4), abs=1e-6)


@pytest.mark.parametrize("loss_on", ["masked", "all"])
def test_losses_are_means_over_masked_and_over_all_objects(loss_on: str) -> None:
    objective = build(loss_on)
    batch = corrupted(objective)
    losses = objective(batch)
    real = batch["types"] > 0
    logits = objective.logits(batch["inputs"], real)
    for name, chosen in (("masked", batch["masked"]), ("all", real)):
        expected = F.cross_entropy(logits[chosen], batch["types"][chosen] - 1)
        torch.testing.assert_close(losses[f"loss_{name}"], expected)
        assert losses[f"n_{name}"].item() == chosen.sum().item()
    assert losses["loss"].item() == losses[f"loss_{loss_on}"].item()
    assert losses["loss_masked"].item() != losses["loss_all"].item()


def test_padding_does_not_enter_the_loss() -> None:
    objective = build()
    batch = corrupted(objective)
    padding = (batch["types"] == 0)[..., None]
    other = {**batch, "inputs": batch["inputs"].masked_fill(padding, -99.0)}
    torch.testing.assert_close(objective(other)["loss_all"], objective(batch)["loss_all"])


def test_predictions_of_visible_input_see_the_type() -> None:
    objective = build()
    batch = corrupted(objective)
    hidden = objective.predict(batch)["type"]
    visible = objective.predict(batch, visible=True)["type"]
    assert torch.equal(hidden.target, batch["types"] - 1)
    assert not torch.equal(hidden.predicted, visible.predicted)


def test_met_is_learned_from_its_missing_mass() -> None:
    objective = build(mask_rate=1.0)
    optimiser = torch.optim.AdamW(objective.parameters(), 1e-2)
    for step in range(60):
        loss = objective(corrupted(objective, step))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    batch = corrupted(objective, 99)
    found = objective.predict(batch)["type"].predicted
    met = batch["types"] == 4
    assert ((found == 3) == met)[batch["types"] > 0].float().mean() > 0.9


def test_tokens_without_type_are_refused() -> None:
    info = make_data(features=("pt", "eta")).info
    with pytest.raises(ConfigError, match="masked_type needs the feature 'type', the tokens have pt, eta"):
        MaskedType.build(ObjectiveSettings(name="masked_type"), MODEL, info)


@pytest.mark.parametrize("loss_on", ["masked", "all"])
def test_parts_and_static_shapes_change_no_loss(loss_on: str) -> None:
    objective = build(loss_on=loss_on)
    batch = corrupted(objective)
    whole = objective(batch)["loss"].item()
    number = "n_masked" if loss_on == "masked" else "n_all"
    assert objective.terms(batch) == objective(batch)[number].item()
    assert loss_in_parts(objective, batch) == pytest.approx(whole, rel=1e-5)
    static = objective.static(batch, length=9, budget=0)
    assert static["features"].shape[1] == static["masked"].shape[1] == 9
    assert objective(static)["loss"].item() == pytest.approx(whole, rel=1e-5)
