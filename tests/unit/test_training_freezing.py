"""Freezing policies: how far each parameter is from the head, and how fast it learns."""

import re

import pytest
import torch
from torch import nn
from training_examples import TinyEncoder

from prehep.core.config.finetuning import FinetuneSettings
from prehep.models.classifier import Classifier
from prehep.models.event_encoder import EventEncoder
from prehep.training.freezing import freeze, layer_depths, rate_factors, scale_rates, train_mode
from prehep.training.optimisers import make_optimisers
from prehep.training.schedules import set_learning_rate

LAYERS = 3


def classifier() -> Classifier:
    return Classifier(EventEncoder(5, width=8, layers=LAYERS, heads=2, feedforward=16, dropout=0.1), 8)


def settings(policy: str, layer_decay: float = 0.5) -> FinetuneSettings:
    return FinetuneSettings.model_validate({"policy": policy, "layer_decay": layer_decay})


def expected_depth(name: str) -> int:
    block = re.search(r"blocks\.(\d+)", name)
    if block:
        return LAYERS - int(block[1])
    return LAYERS + 1 if "embedding" in name else 0


def test_depths_of_the_event_encoder() -> None:
    encoder = classifier().encoder
    depths = layer_depths(encoder)
    found = {name: depths[parameter] for name, parameter in encoder.named_parameters()}
    assert found == {name: expected_depth(name) for name in found}
    assert set(found.values()) == {0, 1, 2, 3, 4}


def test_encoder_without_blocks_is_one_layer() -> None:
    assert set(layer_depths(nn.Linear(2, 2)).values()) == {1}


@pytest.mark.parametrize("optimiser", ["adamw", "sgd", "muon"])
def test_every_parameter_has_its_rate_and_keeps_its_decay(optimiser: str) -> None:
    model = classifier()
    plain = make_optimisers(model, optimiser, 1.0, 0.1)
    decays = {id(p): group["weight_decay"] for one in plain for group in one.param_groups for p in group["params"]}
    optimisers = make_optimisers(model, optimiser, 1.0, 0.1)
    scale_rates(optimisers, rate_factors(model, settings("layer_decay")))
    set_learning_rate(optimisers, 0.2)
    groups = {id(p): group for one in optimisers for group in one.param_groups for p in group["params"]}
    assert sum(len(group["params"]) for one in optimisers for group in one.param_groups) == len(groups)
    for name, parameter in model.named_parameters():
        group = groups[id(parameter)]
        assert group["lr"] == pytest.approx(0.2 * 0.5 ** expected_depth(name)), name
        assert group["weight_decay"] == decays[id(parameter)], name


def test_other_policies_scale_nothing() -> None:
    assert rate_factors(classifier(), settings("full")) == {}
    assert rate_factors(classifier(), settings("linear_probe")) == {}
    model = classifier()
    optimisers = make_optimisers(model, "adamw", 1.0, 0.1)
    groups = [[id(p) for p in group["params"]] for group in optimisers[0].param_groups]
    scale_rates(optimisers, {})
    assert [[id(p) for p in group["params"]] for group in optimisers[0].param_groups] == groups


@pytest.mark.parametrize("policy", ["full", "layer_decay", "linear_probe"])
def test_a_frozen_encoder_neither_learns_nor_drops(policy: str) -> None:
    model = Classifier(TinyEncoder(4), 4, dropout=0.5)
    freeze(model, settings(policy))
    train_mode(model, settings(policy))
    frozen = policy == "linear_probe"
    assert model.dropout.training
    assert {part.training for part in model.encoder.modules()} == {not frozen}
    assert {parameter.requires_grad for parameter in model.encoder.parameters()} == {not frozen}
    model.classify(model.pool(torch.ones(2, 3, 3), torch.ones(2, 3, dtype=torch.bool))).sum().backward()
    assert all((parameter.grad is None) == frozen for parameter in model.encoder.parameters())
    assert model.head.weight.grad is not None
