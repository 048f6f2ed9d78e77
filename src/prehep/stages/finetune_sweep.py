"""Fit a classifier to few labels, for a grid of label counts and seeds."""

import csv
import time
from collections.abc import Iterable
from dataclasses import astuple
from functools import partial
from pathlib import Path

from pydantic import Field

from prehep.core.logging import logger, progress
from prehep.core.manifest import Manifest, publish, read_manifest
from prehep.core.settings import volatile
from prehep.stages.finetune_points import PointFitter, PointSpec, fit_in_worker
from prehep.stages.identity import run_identity
from prehep.training.classification import ClassifierFit, steps_of
from prehep.training.device import device_facts, resolve_device
from prehep.training.fit_store import FitKey, FitStore
from prehep.training.sweep import SweepGrid, SweepResult, run_sweep
from prehep.training.workers import make_executor

SCORE_COLUMNS = ("model", "n_labels", "seed", "auc", "valid_auc", "learning_rate", "steps")
CURVE_COLUMNS = ("model", "n_labels", "seed", "learning_rate", "step", "train_loss", "valid_auc")


class Spec(PointSpec):
    """One family of models on one task."""

    points: Path = Field(
        Path("runs/finetune_points"), description="where finished fits are kept", json_schema_extra=volatile()
    )
    cores: int = Field(1, gt=0, description="processor cores that fits may use", json_schema_extra=volatile())


def run(spec: Spec) -> Manifest:
    """Fit every point of the sweep that no earlier run has kept in `spec.points`, and write the tables.

    Raises:
        ConfigError: the task has too few events, or the pretrained model has another architecture or encoding.
        TrainingError: a fit diverges from the start, or a worker was killed; finished fits are kept.
    """
    inputs = (*spec.tokens, *([spec.pretrained] if spec.pretrained else []))
    store = _point_store(spec, inputs)
    with publish(spec.output, spec, stage="finetune_sweep", code=spec.code, inputs=inputs) as publication:
        start = time.monotonic()
        grid = _grid(spec)
        workers = max(1, min(spec.cores // spec.settings.threads, len(grid)))
        store.clean()
        result = _sweep(spec, grid, store, workers)
        _write_scores(publication.payload("scores.csv"), spec.model, result.points)
        _write_curves(publication.payload("curves.csv"), spec.model, result.points)
        logger.info("%s: %d fits computed, %d found in %s", spec.model, result.computed, result.found, store.folder)
        publication.note(
            training_seconds=round(time.monotonic() - start, 2),
            fits_computed=result.computed,
            fits_kept=result.found,
            workers=workers,
            **device_facts(resolve_device(spec.device)),
        )
    return read_manifest(spec.output)


def _grid(spec: Spec) -> SweepGrid:
    settings = spec.settings
    return SweepGrid(
        spec.task.n_labels, spec.task.seeds, settings.learning_rates, cost=lambda count: steps_of(settings, 2 * count)
    )


def _sweep(spec: Spec, grid: SweepGrid, store: FitStore, workers: int) -> SweepResult:
    """Do the fits, one in this process after the other or several in workers; the bits are the same."""
    fit = PointFitter(spec) if workers == 1 else partial(fit_in_worker, _point_fields(spec))
    with progress(spec.model, len(grid)) as counter, make_executor(workers, [PointFitter.__module__]) as executor:
        return run_sweep(grid, fit, store, executor, workers, counter)


def _point_fields(spec: Spec) -> str:
    return spec.model_dump_json(include=set(PointSpec.model_fields))


def _point_store(spec: Spec, inputs: Iterable[Path]) -> FitStore:
    """Return the store of all sweeps that differ from this one in their grid only: no point depends on the others."""
    task = spec.task.model_copy(update={"n_labels": (), "seeds": ()})
    settings = spec.settings.model_copy(update={"learning_rates": ()})
    identity = run_identity(spec.model_copy(update={"task": task, "settings": settings}), inputs)
    return FitStore(spec.points / f"{spec.model}-{identity[:16]}", identity)


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
