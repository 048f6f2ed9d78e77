"""Optimisers hold every parameter once, and each does what its name says."""

import pytest
import torch
from torch import nn
from training_examples import TinyObjective

from prehep.training.optimisers import is_trunk_matrix, make_optimisers


@pytest.mark.parametrize("name", ["adamw", "sgd", "muon"])
def test_every_parameter_is_in_exactly_one_group(name: str) -> None:
    module = TinyObjective()
    held = [
        id(parameter)
        for optimiser in make_optimisers(module, name, 1e-3, 0.01)
        for group in optimiser.param_groups
        for parameter in group["params"]
    ]
    assert sorted(held) == sorted(id(parameter) for parameter in module.parameters())


def test_muon_holds_the_matrices_of_the_blocks_only() -> None:
    module = TinyObjective()
    chosen = {name for name, parameter in module.named_parameters() if is_trunk_matrix(name, parameter)}
    assert chosen == {"encoder.blocks.0.weight"}


def test_muon_step_is_orthogonal() -> None:
    torch.manual_seed(1)
    layer = nn.ModuleDict({"blocks": nn.Linear(6, 6)})
    muon = make_optimisers(layer, "muon", 0.01, 0.0)[1]
    before = layer["blocks"].weight.detach().clone()
    layer["blocks"](torch.randn(20, 6)).square().sum().backward()
    muon.step()
    update = (before - layer["blocks"].weight.detach()) / (0.01 * 0.2 * 6**0.5)
    singular = torch.linalg.svdvals(update)
    assert singular.min() > 0.5
    assert singular.max() < 1.5


def test_sgd_has_the_published_momentum() -> None:
    parameter = nn.Linear(1, 1, bias=False)
    (optimiser,) = make_optimisers(parameter, "sgd", 0.1, 0.0)
    nn.init.zeros_(parameter.weight)
    for _ in range(2):
        parameter.weight.grad = torch.ones(1, 1)
        optimiser.step()
    assert parameter.weight.item() == pytest.approx(-0.1 * (1 + 1.9))


def test_adamw_does_not_shrink_biases() -> None:
    layer = nn.Linear(2, 2)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    (optimiser,) = make_optimisers(layer, "adamw", 0.1, 0.5)
    layer.weight.grad, layer.bias.grad = torch.zeros(2, 2), torch.zeros(2)
    optimiser.step()
    torch.testing.assert_close(layer.weight.detach(), torch.full((2, 2), 0.95))
    torch.testing.assert_close(layer.bias.detach(), torch.ones(2))


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="adagrad"):
        make_optimisers(nn.Linear(1, 1), "adagrad", 0.1, 0.0)
