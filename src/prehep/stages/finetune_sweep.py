"""Fit a classifier to few labels, for a grid of label counts and seeds."""

import copy
import csv
import time
from collections.abc import Callable, Iterable
from dataclasses import astuple
from pathlib import Path

import torch
from pydantic import Field

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.config.network import ModelSettings
from prehep.core.digests import digest_value
from prehep.core.errors import ConfigError
from prehep.core.lazy import Entry, load
from prehep.core.logging import Progress, logger, progress
from prehep.core.manifest import Manifest, publish, read_manifest
from prehep.core.seeds import derive_seed
from prehep.core.settings import volatile
from prehep.core.specification import StageSpec
from prehep.models.classifier import Classifier
from prehep.models.event_encoder import EventEncoder
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
    loader: Entry | None = Field(None, description="what loads the weights from that folder")
    device: str = Field("auto", description="auto, cpu or cuda", json_schema_extra=volatile())
    points: Path = Field(
        Path("runs/finetune_points"), description="where finished fits are kept", json_schema_extra=volatile()
    )


def run(spec: Spec) -> Manifest:
    """Fit every point of the sweep that no earlier run has kept in `spec.points`, and write the tables.

    Raises:
        ConfigError: the task has too few events, or the pretrained model has another architecture or encoding.
        TrainingError: a fit diverges from the start.
    """
    inputs = (*spec.tokens, *([spec.pretrained] if spec.pretrained else []))
    store = _point_store(spec, inputs)
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
        logger.info("%s: %d fits computed, %d found in %s", spec.model, store.computed, store.found, store.folder)
        publication.note(
            training_seconds=round(seconds, 2),
            fits_computed=store.computed,
            fits_kept=store.found,
            **device_facts(resolve_device(spec.device)),
        )
    return read_manifest(spec.output)


def _point_store(spec: Spec, inputs: Iterable[Path]) -> FitStore:
    """Return the store of all sweeps that differ from this one in their grid only: no point depends on the others."""
    task = spec.task.model_copy(update={"n_labels": (), "seeds": ()})
    settings = spec.settings.model_copy(update={"learning_rates": ()})
    made = run_identity(spec.model_copy(update={"task": task, "settings": settings}), inputs)
    # one table must not mix the fits of two versions of torch
    identity = digest_value([made, torch.__version__])
    return FitStore(spec.points / f"{spec.model}-{identity[:16]}", identity)


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
    if len({spec.settings.pretrained, spec.pretrained is not None, spec.loader is not None}) > 1:
        raise ConfigError(
            f"model {spec.model} has settings.pretrained={spec.settings.pretrained}, pretrained folder "
            f"{spec.pretrained} and loader {spec.loader}; give all or none."
        )

    def scratch() -> EventEncoder:
        return EventEncoder(n_features=n_features, **spec.architecture.model_dump())

    if spec.pretrained is None or spec.loader is None:
        return lambda: Classifier(scratch(), spec.architecture.width)
    encoder = scratch()
    load(spec.loader)(encoder, spec.pretrained, spec.tokens, spec.architecture)
    return lambda: Classifier(copy.deepcopy(encoder), spec.architecture.width)


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
