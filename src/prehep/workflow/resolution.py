"""What `auto` means: precision and threads of a training, by its settings and the machine, before anything is planned.

A plan holds the resolved values only, so they are in digests, specifications and manifests; `auto` of two machines may
mean two different runs.
"""

from collections.abc import Mapping
from typing import TypeVar

from prehep.core.config.root import Config
from prehep.core.config.training import PretrainSettings
from prehep.workflow.machine import Machine

ENTRIES_PER_THREAD = 128
"""Two threads made a training 1.19 times as fast at 64 entries a step, 1.34 at 128, 1.56 at 256 and 1.7 at 1024."""
MOST_THREADS = 8
SMALLEST_WIDTH = 64
"""On a processor with AVX512-BF16, bfloat16 made a step 0.8 times as fast at width 16, 1.1 at 32, 1.3 at 48, 1.5 at 64
and 1.9 at 256, and 1.7 at width 64 with a vocabulary of 4,000 to 18,700."""

P = TypeVar("P", bound=PretrainSettings)


def uses_cuda(config: Config, machine: Machine) -> bool:
    """Tell whether trainings take a CUDA device."""
    return config.device == "cuda" or (config.device == "auto" and machine.cuda)


def resolve_auto(config: Config, machine: Machine) -> Config:
    """Return the configuration with numbers and names in place of every `auto` that defines a result.

    `device: auto` stays: it defines no result, and the job that trains looks for its device itself.
    """
    cores = 1 if uses_cuda(config, machine) else machine.cores
    event, tracks = config.event_pretraining, config.tracking_bert
    resolved_event = {name: _resolve(run, config, machine, cores) for name, run in event.pretrain.items()}
    resolved_tracks = {name: _resolve(run, config, machine, cores) for name, run in tracks.pretrain.items()}
    return config.model_copy(
        update={
            "event_pretraining": event.model_copy(update={"pretrain": resolved_event}),
            "tracking_bert": tracks.model_copy(update={"pretrain": resolved_tracks}),
        }
    )


def precision_of(width: int, machine: Machine, *, cuda: bool) -> str:
    """Return the precision in which a training is fastest: bfloat16 on CUDA, and in wide networks on the CPU.

    Narrow ones lose more to conversions than their products gain, and so does a processor without bfloat16.

    Args:
        width: features per token.
        machine: where the training runs.
        cuda: whether it runs on a CUDA device.
    """
    return "bfloat16" if cuda or (machine.bfloat16 and width >= SMALLEST_WIDTH) else "float32"


def threads_of(batch_size: int, cores: int) -> int:
    """Return the threads of a training: small batches gain nothing.

    Neither the other trainings nor the number of devices count, which may change without another result; Snakemake
    starts as many trainings side by side as there are cores.

    Args:
        batch_size: entries of a step.
        cores: of the machine.
    """
    return max(1, min(cores, batch_size // ENTRIES_PER_THREAD, MOST_THREADS))


def slow_precisions(config: Config, machine: Machine) -> list[str]:
    """Return a warning of the trainings in bfloat16 that this machine emulates, one sentence for all of them."""
    if uses_cuda(config, machine) or machine.bfloat16:
        return []
    slow = [
        f"{study}.pretrain.{name}"
        for study, runs in _pretrainings(config).items()
        for name, run in runs.items()
        if study in config.studies and run.training.precision == "bfloat16"
    ]
    if not slow:
        return []
    return [f"prehep: {', '.join(slow)}: this processor emulates bfloat16, which is slow; float32 is faster."]


def _pretrainings(config: Config) -> dict[str, Mapping[str, PretrainSettings]]:
    """Return the pretrainings of every study, also of those that the configuration does not run."""
    return {
        "event_pretraining": config.event_pretraining.pretrain,
        "tracking_bert": config.tracking_bert.pretrain,
    }


def _resolve(settings: P, config: Config, machine: Machine, cores: int) -> P:
    training = settings.training
    changes: dict[str, str | int] = {}
    if training.precision == "auto":
        changes["precision"] = precision_of(settings.model.width, machine, cuda=uses_cuda(config, machine))
    if training.threads == "auto":
        changes["threads"] = threads_of(training.batch_size, cores)
    return settings.model_copy(update={"training": training.model_copy(update=changes)})
