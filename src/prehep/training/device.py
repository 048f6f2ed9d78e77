"""Where a training runs: device, precision, threads, and the settings that make its bits repeatable."""

import gc
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from prehep.core.errors import ConfigError
from prehep.training.processes import Processes, describe_step, launched_processes

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import ClusterEnvironment

FABRIC_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed"}


def resolve_device(name: str) -> str:
    """Return `cpu` or `cuda` for `auto`, `cpu` or `cuda`.

    Raises:
        ConfigError: the name is unknown, or CUDA is asked for and absent.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name not in {"cpu", "cuda"}:
        raise ConfigError(f"device {name!r} is unknown; choose auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda is configured but no CUDA device is usable here; set device to auto or cpu.")
    return name


def make_fabric(device: str, precision: str) -> "Fabric":
    """Return the Fabric that moves modules and batches to this process's device, casts, and joins the processes.

    Where torchrun or srun started several processes, they share what is trained (DDP); each calls this.

    Args:
        device: auto, cpu or cuda.
        precision: float32 or bfloat16 (autocast; weights stay float32).

    Raises:
        ConfigError: the device or the precision is unknown or absent, or there are fewer devices than processes.
    """
    with _uncollected():
        from lightning_fabric import Fabric
        from lightning_fabric.strategies import DDPStrategy

    if precision not in FABRIC_PRECISION:
        raise ConfigError(f"precision {precision!r} cannot be trained with; choose {' or '.join(FABRIC_PRECISION)}.")
    processes = launched_processes(os.environ)
    accelerator = resolve_device(device)
    if accelerator == "cuda" and torch.cuda.device_count() < processes.per_node:
        raise ConfigError(
            f"{processes.per_node} processes share a training on this machine, but each sees "
            f"{torch.cuda.device_count()} CUDA devices; set devices to that, or let all see as many."
        )
    fabric = Fabric(
        accelerator=accelerator,
        devices=processes.per_node,
        num_nodes=processes.nodes,
        precision=FABRIC_PRECISION[precision],
        strategy=DDPStrategy() if processes.count > 1 else "auto",
        plugins=_environment(processes),
    )
    fabric.launch()
    return fabric


def _environment(processes: Processes) -> "ClusterEnvironment":
    """Return what tells Fabric how to reach the other processes; its own search warns wherever srun is installed."""
    from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment

    if processes.launcher == "torchrun":
        return TorchElasticEnvironment()
    if processes.launcher == "slurm":
        describe_step(os.environ, processes)
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()


def compiled(module: nn.Module, device: str) -> nn.Module:
    """Return a module whose kernels are fused and replayed as one CUDA graph; unchanged on the CPU.

    Its inputs must have the same shapes at every call. On the CPU compiling takes longer (12 to 55 s) than it saves.

    Args:
        module: before Fabric's `setup`.
        device: cpu or cuda.
    """
    if device != "cuda":
        return module
    return cast("nn.Module", torch.compile(module, mode="reduce-overhead", dynamic=False))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage while thousands of modules are imported, which leave none: a fifth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Use this number of threads and deterministic kernels inside; restore the process's settings after.

    Kernels without a deterministic variant warn once instead of failing (some CUDA scatter operations).
    """
    before = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic
    fill = memory.fill_uninitialized_memory
    # cuBLAS reads this when its first handle is made; without it matrix products are not repeatable.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    with _uncollected():
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
    # filling new memory with NaN before it is written takes up to 7 % of a step and changes no result
    memory.fill_uninitialized_memory = False
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(mode=deterministic, warn_only=warn_only)
        memory.fill_uninitialized_memory = fill


def seed_dropout(seed: int, device: str) -> None:
    """Seed the generators that dropout draws from.

    `torch.manual_seed` would also queue a call for every absent accelerator, at 0.7 ms a step.
    """
    torch.default_generator.manual_seed(seed)
    if device == "cuda":
        torch.cuda.manual_seed(seed)


def device_facts(device: str) -> dict[str, Any]:
    """Return the device's name and the peak memory in MB, for `run_info.json`."""
    unit = 1 if sys.platform == "darwin" else 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    facts: dict[str, Any] = {"device": device, "peak_memory_mb": round(memory)}
    if device == "cuda":
        facts["device_name"] = torch.cuda.get_device_name()
        facts["peak_device_memory_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
    return facts
