"""Train an encoder on unlabelled tokens with a self-supervised task."""

import csv
import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import Field

from prehep.core.config.training import PretrainSettings
from prehep.core.digests import digest_file
from prehep.core.lazy import Entry, load
from prehep.core.logging import logger, progress
from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.core.seeds import derive_seed
from prehep.core.settings import volatile
from prehep.core.specification import StageSpec
from prehep.data.splits import TRAIN, VALID
from prehep.hub.saving import PretrainedConfig, build_objective, save_pretrained
from prehep.stages.identity import run_identity
from prehep.stages.token_data import TokenReader
from prehep.tokens.batches import TokenData
from prehep.training.device import device_facts, repeatable
from prehep.training.loop import STATE_SECONDS, TrainingResult, fit
from prehep.training.processes import launched_processes
from prehep.training.sampling import draw_entries
from prehep.training.state import StateStore
from prehep.training.trainer import HISTORY_COLUMNS, Trainer

if TYPE_CHECKING:
    from prehep.objectives.base import Objective


class Spec(StageSpec):
    """Self-supervised training of one model."""

    name: str = Field(description="name of the run")
    tokens: tuple[Path, ...] = Field(min_length=1, description="folders of tokens, joined")
    reader: Entry = Field(description="reader of tokens of this kind")
    objective: Entry = Field(description="class of the objective that the settings name")
    settings: PretrainSettings
    device: str = Field("auto", description="auto, cpu or cuda", json_schema_extra=volatile())
    state: Path = Field(description="folder of the unfinished training", json_schema_extra=volatile())
    state_seconds: float = Field(
        STATE_SECONDS, description="time between two saved states", json_schema_extra=volatile()
    )


def run(spec: Spec) -> Manifest:
    """Train, or continue a training that was interrupted, and write weights, configuration and history.

    The state of an interrupted training is used if settings, code and inputs are unchanged; the weights are then
    those of a training without interruption, bit for bit (CPU). It is removed when the manifest is written. Where
    several processes share the training, the first one alone writes.

    Raises:
        TrainingError: the loss is not finite or diverges, or there is nothing to train on.
        StoppedError: SIGTERM came during the training; the same command continues.
        CorruptPayloadError: a file of the tokens differs from its manifest.
    """
    if not launched_processes(os.environ).writes:
        _train(spec).trainer.fabric.barrier()
        return read_manifest(spec.output)
    with publish(
        spec.output, spec, stage="pretrain_model", code=spec.code, inputs=spec.tokens, seed=spec.settings.seed
    ) as publication:
        training = _train(spec)
        save_pretrained(publication.folder, training.config, training.trainer.objective)
        _write_history(publication.payload("history.csv"), training.result)
        shutil.copyfile(training.tokenizer, publication.payload(training.tokenizer.name))
        publication.note(**_facts(training))
    _store(spec).wipe()
    training.trainer.fabric.barrier()
    return read_manifest(spec.output)


class _Training(NamedTuple):
    """A finished training, and what is written about it."""

    config: PretrainedConfig
    trainer: Trainer
    result: TrainingResult
    tokenizer: Path


def _train(spec: Spec) -> _Training:
    """Train in this process, and those it was launched with."""
    reader: TokenReader = load(spec.reader)
    data = reader.read(spec.tokens)
    tokenizer = load_payload(spec.tokens[0], reader.tokenizer)
    config = PretrainedConfig(name=spec.name, settings=spec.settings, info=data.info, tokenizer=digest_file(tokenizer))
    objective = _initialise(config, load(spec.objective))
    trainer = _make_trainer(spec, data, objective)
    shown = trainer.fabric.is_global_zero
    with progress(spec.name, spec.settings.training.steps, bar=shown) as counter:
        result = fit(trainer, _store(spec), counter, spec.state_seconds)
    return _Training(config, trainer, result, tokenizer)


def _store(spec: Spec) -> StateStore:
    return StateStore(spec.state, run_identity(spec, spec.tokens))


def _facts(training: _Training) -> dict[str, object]:
    """Return what run_info.json says about the training, most of it different at every run."""
    result = training.result
    return {
        "training_seconds": round(result.seconds, 2),
        "steps_per_second": round(result.steps_per_second, 2),
        "first_step_seconds": result.first_step_seconds and round(result.first_step_seconds, 2),
        "resumed_from": result.resumed_from,
        "kept_step": result.kept_step,
        "recoveries": [{**one, "loss": _json_number(one["loss"])} for one in result.recoveries],
        "processes": training.trainer.fabric.world_size,
        **device_facts(training.trainer.fabric.device.type),
    }


def _initialise(config: PretrainedConfig, objective: "type[Objective]") -> "Objective":
    """Return the untrained network; its first weights depend on the seed alone."""
    import torch

    with repeatable(config.settings.training.planned_threads()):
        torch.manual_seed(derive_seed(config.settings.seed, "weights"))
        network = build_objective(config, objective)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    logger.info("%s has %d parameters", config.name, parameters)
    return network


def _make_trainer(spec: Spec, data: TokenData, objective: "Objective") -> Trainer:
    train = draw_entries(np.flatnonzero(data.split == TRAIN), spec.settings.events, "training")
    valid = np.flatnonzero(data.split == VALID)
    logger.info("%d training and %d validation entries", len(train), len(valid))
    return Trainer(objective, data, train, valid, spec.settings.training, spec.settings.seed, device=spec.device)


def _write_history(path: Path, result: TrainingResult) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, HISTORY_COLUMNS)
        writer.writeheader()
        writer.writerows(result.history)


def _json_number(value: float) -> float | str:
    """Return a number as JSON can hold it: what is not finite becomes a word."""
    return value if math.isfinite(value) else str(value)
