"""Where a training runs: device, precision, threads, and the settings that make its bits repeatable."""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from prehep.core.errors import ConfigError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

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
    """Return the Fabric that moves modules and batches to one device and casts to `precision`.

    Args:
        device: auto, cpu or cuda.
        precision: float32 or bfloat16 (autocast; weights stay float32).
    """
    from lightning_fabric import Fabric

    return Fabric(accelerator=resolve_device(device), devices=1, precision=FABRIC_PRECISION[precision])


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Use this number of threads and deterministic kernels inside; restore the process's settings after.

    Kernels without a deterministic variant warn once instead of failing (some CUDA scatter operations).
    """
    before = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    # cuBLAS reads this when its first handle is made; without it matrix products are not repeatable.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(mode=deterministic, warn_only=warn_only)


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
