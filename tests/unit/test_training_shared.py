"""Two processes that share a training do what one does with the whole batch, to rounding."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from shared_training import BATCH_SIZES, WholeObjective, cases, first_weights, train
from torch import Tensor
from training_examples import TinyObjective

from prehep.workflow.launching import training_command

SCRIPT = Path(__file__).with_name("shared_training.py")


@pytest.fixture(scope="module", params=[2, pytest.param(3, marks=pytest.mark.slow)])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what several processes found in every case, over gloo."""
    folder = tmp_path_factory.mktemp("shared")
    command = shlex.split(training_command(sys.executable, request.param, {}))
    result = subprocess.run(
        [*command, str(SCRIPT), str(folder)], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, dict[str, Any]] = {name: torch.load(folder / f"{name}.pt", weights_only=True) for name in cases()}
    assert all(case["processes"] == request.param for case in found.values())
    return found


def moved(objective: type[TinyObjective], found: dict[str, Any]) -> Tensor:
    """Return how far the weights are from the first ones."""
    before = first_weights(objective).state_dict()
    return torch.cat([(found["weights"][name] - before[name]).flatten() for name in before])


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_gradient_is_that_of_the_whole_batch(shared: dict[str, dict[str, Any]], size: int) -> None:
    name = f"gradient-{size}"
    whole = moved(TinyObjective, train(*cases()[name]))
    assert whole.abs().max() > 1e-3
    assert torch.allclose(moved(TinyObjective, shared[name]), whole, rtol=0, atol=1e-6)


def test_loss_of_the_whole_batch_is_computed_whole(shared: dict[str, dict[str, Any]]) -> None:
    whole = moved(WholeObjective, train(*cases()["gradient-whole"]))
    assert torch.allclose(moved(WholeObjective, shared["gradient-whole"]), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "muon", "average"])
def test_training_ends_at_the_same_weights_and_losses(shared: dict[str, dict[str, Any]], name: str) -> None:
    alone = train(*cases()[name])
    assert len(shared[name]["history"]) == len(alone["history"])
    for row, expected in zip(shared[name]["history"], alone["history"], strict=True):
        assert row == pytest.approx(expected, rel=1e-4)
    for key, weights in alone["weights"].items():
        assert torch.allclose(shared[name]["weights"][key], weights, rtol=0, atol=1e-4), key
