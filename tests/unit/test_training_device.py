"""Where and in which precision a training runs."""

import pytest
import torch
from torch import nn

from prehep.core.errors import ConfigError
from prehep.training.device import compiled, make_fabric

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is usable here")


class Network(nn.Module):
    """A layer that reports in which type it multiplies."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.seen: list[torch.dtype] = []

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (batch, 3)."""
        found: torch.Tensor = self.layer(features)
        self.seen.append(found.dtype)
        return found.float().square().mean()


@pytest.mark.parametrize(("precision", "expected"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_products_have_the_precision_and_weights_stay_float32(precision: str, expected: torch.dtype) -> None:
    network = Network()
    fabric = make_fabric("cpu", precision)
    optimiser = torch.optim.AdamW(network.parameters())
    module, stepped = fabric.setup(network, optimiser)
    fabric.backward(module(torch.ones(2, 4)))
    stepped.step()
    assert network.seen == [expected]
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert {parameter.grad.dtype for parameter in network.parameters() if parameter.grad is not None} == {torch.float32}
    moments = optimiser.state[network.layer.weight]
    assert moments["exp_avg"].dtype == torch.float32


@pytest.mark.parametrize("precision", ["auto", "float16"])
def test_unresolved_precision_is_refused(precision: str) -> None:
    with pytest.raises(
        ConfigError, match=f"precision '{precision}' cannot be trained with; choose float32 or bfloat16"
    ):
        make_fabric("cpu", precision)


def test_missing_gpus_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1", "SLURM_PROCID": "0"}
    for name, value in step.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="2 processes share a training on this machine, but each sees 1 CUDA devices"):
        make_fabric("cuda", "float32")


def test_one_process_needs_no_other() -> None:
    fabric = make_fabric("cpu", "float32")
    assert (fabric.world_size, fabric.global_rank) == (1, 0)
    assert not torch.distributed.is_initialized()


def test_nothing_is_compiled_on_the_cpu() -> None:
    network = Network()
    assert compiled(network, "cpu") is network


@pytest.mark.gpu
@CUDA
def test_replayed_graph_equals_eager_steps() -> None:
    def losses(device: str) -> list[float]:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 1)).cuda()
        module = compiled(network, device)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
        found = []
        for _ in range(5):
            loss = module(torch.linspace(0, 1, 64, device="cuda").view(8, 8)).square().mean()
            torch.autograd.backward(loss)
            optimiser.step()
            optimiser.zero_grad()
            found.append(float(loss))
        return found

    assert losses("cuda") == pytest.approx(losses("cpu"), rel=1e-5)


@pytest.mark.gpu
@CUDA
def test_cuda_is_taken_where_it_is() -> None:
    assert make_fabric("auto", "bfloat16").device.type == "cuda"
