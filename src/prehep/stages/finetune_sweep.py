"""Fit a classifier to few labels, for a grid of label counts and seeds."""

import copy
import csv
import time
from collections.abc import Callable, Iterable
from dataclasses import astuple
from pathlib import Path

import torch
from pydantic import Field

from prehep.core.config.studies import ClassificationTask, FinetuneSettings
from prehep.core.config.training import ModelSettings
from prehep.core.errors import ConfigError
from prehep.core.logging import Progress, logger, progress
from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.core.seeds import derive_seed
from prehep.core.settings import volatile
from prehep.hub.pretrained import CONFIG, ENCODER, load_weights, read_config
from prehep.models.classifier import Classifier
from prehep.models.event_encoder import EventEncoder
from prehep.stages.command import StageSpec
from prehep.stages.event_tokens import read_encoding
from prehep.stages.identity import run_identity
from prehep.stages.labelled_events import LabelledEvents, read_labelled_events
from prehep.tokens.event_symmetries import EventSymmetries
from prehep.tokens.labelled_sets import labelled_split
from prehep.training.classification import ClassifierFit, EventTensors, fit_classifier, steps_of
from prehep.training.device import device_facts, repeatable, resolve_device
from prehep.training.sweep import FitKey, FitStore, run_sweep

SCORE_COLUMNS = ("model", "n_labels", "seed", "auc", "valid_auc", "learning_rate", "steps")
CURVE_COLUMNS = ("model", "n_labels", "seed", "learning_rate", "step", "train_loss", "valid_auc")


class Spec(StageSpec):
    """One family of models on one task."""

    model: str = Field(description="name of the family in the tables")
    tokens: tuple[Path, ...] = Field(description="processes: signal, background; z_window: one folder")
    task: ClassificationTask
    settings: FinetuneSettings
    architecture: ModelSettings
    pretrained: Path | None = Field(None, description="folder of pretrain_model; null = random weights")
    device: str = Field("auto", description="auto, cpu or cuda", json_schema_extra=volatile())
    state: Path = Field(description="folder of the finished fits", json_schema_extra=volatile())


def run(spec: Spec) -> Manifest:
    """Fit every point of the sweep, those that an interrupted run has finished excepted, and write the tables.

    Raises:
        ConfigError: the task has too few events, or the pretrained model has another architecture or encoding.
        TrainingError: a fit diverges from the start.
    """
    inputs = (*spec.tokens, *([spec.pretrained] if spec.pretrained else []))
    store = FitStore(spec.state, run_identity(spec, inputs))
    with publish(spec.output, spec, stage="finetune_sweep", code=spec.code, inputs=inputs) as publication:
        events = read_labelled_events(spec.tokens, spec.task)
        start = time.monotonic()
        with progress(spec.model, _steps_at_most(spec)) as counter, repeatable(spec.settings.threads):
            fit = _fit_function(spec, events, counter)
            grid = (spec.task.n_labels, spec.task.seeds, spec.settings.learning_rates)
            points = list(run_sweep(*grid, fit=fit, store=store))
        _write_scores(publication.payload("scores.csv"), spec.model, points)
        _write_curves(publication.payload("curves.csv"), spec.model, points)
        seconds = time.monotonic() - start
        publication.note(training_seconds=round(seconds, 2), **device_facts(resolve_device(spec.device)))
    store.wipe()
    return read_manifest(spec.output)


def _fit_function(spec: Spec, events: LabelledEvents, counter: Progress) -> Callable[[FitKey], ClassifierFit]:
    """Return the function that does one fit; encoder and events are loaded once."""
    device = resolve_device(spec.device)
    encoding = read_encoding(spec.tokens[0])
    symmetries = EventSymmetries(encoding.columns, encoding.scaling) if spec.settings.symmetries else None
    tensors = EventTensors(
        features=torch.from_numpy(events.features).to(device),
        mask=torch.from_numpy(events.types > 0).to(device),
        labels=torch.from_numpy(events.labels.astype("int64")).to(device),
        symmetries=symmetries,
    )
    classifier = _classifier_maker(spec, events.features.shape[2])

    def fit(key: FitKey) -> ClassifierFit:
        split = labelled_split(events.labels, events.split, key.n_labels, key.seed, spec.task)
        torch.manual_seed(derive_seed(key.seed, "weights", key.n_labels))
        found = fit_classifier(
            classifier().to(device),
            tensors,
            split,
            spec.settings,
            key.learning_rate,
            key.seed,
            tick=counter.advance,
        )
        logger.info("%s %s: valid AUC %.4f, test AUC %.4f", spec.model, key, found.valid_auc, found.auc)
        return found

    return fit


def _classifier_maker(spec: Spec, n_features: int) -> Callable[[], Classifier]:
    """Return the function that makes a classifier, on the pretrained encoder where the settings ask for it."""
    if spec.settings.pretrained != (spec.pretrained is not None):
        raise ConfigError(
            f"model {spec.model} has settings.pretrained={spec.settings.pretrained} but pretrained folder "
            f"{spec.pretrained}; give both or neither."
        )

    def scratch() -> EventEncoder:
        return EventEncoder(n_features=n_features, **spec.architecture.model_dump())

    if spec.pretrained is None:
        return lambda: Classifier(scratch(), spec.architecture.width)
    _check_same_encoding(spec.pretrained, spec.tokens)
    _check_same_architecture(spec.pretrained, spec.architecture)
    encoder = scratch()
    load_weights(encoder, load_payload(spec.pretrained, ENCODER))
    return lambda: Classifier(copy.deepcopy(encoder), spec.architecture.width)


def _check_same_encoding(pretrained: Path, tokens: Iterable[Path]) -> None:
    """Make sure that the labelled events are encoded as those of the pretraining were."""
    expected = read_encoding(pretrained)
    for folder in tokens:
        expected.check_same(read_encoding(folder), folder.as_posix())


def _check_same_architecture(pretrained: Path, expected: ModelSettings) -> None:
    """Make sure that the pretrained encoder has the expected shape; its dropout may differ."""
    found = read_config(load_payload(pretrained, CONFIG).parent).settings.model.model_dump(exclude={"dropout"})
    wanted = expected.model_dump()
    unequal = [f"{name} {value} (expected {wanted[name]})" for name, value in found.items() if value != wanted[name]]
    if unequal:
        raise ConfigError(f"{pretrained} was trained with {', '.join(unequal)}; use the same architecture.")


def _steps_at_most(spec: Spec) -> int:
    fits_per_count = len(spec.settings.learning_rates) + len(spec.task.seeds) - 1
    return fits_per_count * sum(steps_of(spec.settings, 2 * n_labels) for n_labels in spec.task.n_labels)


def _write_scores(path: Path, model: str, points: list[tuple[FitKey, ClassifierFit]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(SCORE_COLUMNS)
        for key, fit in points:
            row = (key.n_labels, key.seed, f"{fit.auc:.6f}", f"{fit.valid_auc:.6f}", key.learning_rate, fit.steps)
            writer.writerow((model, *row))


def _write_curves(path: Path, model: str, points: list[tuple[FitKey, ClassifierFit]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(CURVE_COLUMNS)
        for key, fit in points:
            for point in fit.curve:
                writer.writerow((model, key.n_labels, key.seed, key.learning_rate, *astuple(point)))
