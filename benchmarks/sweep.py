"""How much faster a fine-tuning sweep is in long-lived workers, and how soon a training job takes its first step.

The sweep: 64 fits of 30 steps on two cores. (a) a process for each fit, two at a time, that imports nothing but what a
fit needs; (b) the stage finetune_sweep as the rule runs it, imports, checks and tables included. Both do the same fits:
their AUCs agree in all six digits, or there is no result. (b) is measured before and after (a). The first step: age of
the process of pretrain_model at the end of its first step, on events and tracks. `python benchmarks/sweep.py --json`.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from prehep.core.code import CodeReference
from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.defaults import event_pretraining, tracking_bert
from prehep.core.config.network import ModelSettings
from prehep.core.config.training import PretrainSettings
from prehep.core.manifest import RUN_INFO, publish
from prehep.core.specification import StageSpec
from prehep.objectives.registry import OBJECTIVES
from prehep.stages.labelled_events import read_labelled_events
from prehep.tokens.event_features import ONE_HOT, Scaling
from prehep.tokens.labelled_sets import labelled_split
from prehep.workflow.jobs import COMMAND_LINE
from prehep.workflow.parts import READERS

ROOT = Path(__file__).parents[1]
POINT = ROOT / "benchmarks" / "sweep_point.py"
COLUMNS = ("pt", "eta", "sin_phi", "cos_phi", "mass", *ONE_HOT)
SLOTS, MODULES, CORES = 12, 18_723, 2
LEARNING_RATE = 1e-3
MODEL = ModelSettings(width=64, layers=4, heads=4, feedforward=256)
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a few short fits: shows that it works, measures nothing")
    given = parser.parse_args()
    counts, seeds, steps, starts = ((32, 64), 2, 2, 1) if given.quick else ((32, 64, 128, 256), 16, 30, 5)
    found: dict[str, Any] = {"machine": machine(), "fits": len(counts) * seeds, "steps": steps}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tokens = [write_events(folder / name, number) for number, name in enumerate(("signal", "background"))]
        task = ClassificationTask(
            kind="processes",
            signal="signal",
            background="background",
            n_labels=counts,
            seeds=tuple(range(1, seeds + 1)),
            validation_per_class_max=100,
            test_per_class_max=200,
        )
        found |= compare_sweeps(folder, tokens, task, steps)
        found |= first_steps(folder, tokens[1], starts)
    lines = [f"{name:24} {value}" for name, value in found.items()]
    sys.stdout.write((json.dumps(found) if given.json else "\n".join(lines)) + "\n")


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    return {"platform": platform.platform(), "processors": os.cpu_count(), "cores": CORES, **versions}


def compare_sweeps(folder: Path, tokens: Sequence[Path], task: ClassificationTask, steps: int) -> dict[str, Any]:
    """Return the seconds of both ways to do a sweep and their ratio."""
    settings = {
        "steps": steps,
        "batch_size": 32,
        "validation_interval": steps,
        "learning_rates": [LEARNING_RATE],
    }
    before, first = in_workers(folder / "before", tokens, task, settings)
    alone, expected = one_process_each(folder, tokens, task, settings)
    after, second = in_workers(folder / "after", tokens, task, settings)
    if not first == second == expected:
        raise SystemExit("the fits of the workers are not those of the processes")
    workers = (before + after) / 2
    return {
        "sweep_ratio": round(alone / workers, 2),
        "one_process_each_s": round(alone, 2),
        "workers_s": [round(before, 2), round(after, 2)],
    }


def in_workers(
    folder: Path, tokens: Sequence[Path], task: ClassificationTask, settings: Mapping[str, Any]
) -> tuple[float, list[str]]:
    """Return the seconds of the stage, and the AUC of every fit."""
    spec = {
        "model": "scratch_tuned",
        "tokens": [path.as_posix() for path in tokens],
        "task": task.model_dump(mode="json"),
        "settings": settings,
        "architecture": MODEL.model_dump(),
        "output": (folder / "run").as_posix(),
        "points": (folder / "points").as_posix(),
    }
    start = time.perf_counter()
    run_job("finetune_sweep", spec, ["--cores", str(CORES)])
    seconds = time.perf_counter() - start
    return seconds, pd.read_csv(folder / "run" / "scores.csv", dtype=str)["auc"].tolist()


def one_process_each(
    folder: Path, tokens: Sequence[Path], task: ClassificationTask, settings: Mapping[str, Any]
) -> tuple[float, list[str]]:
    """Return the seconds of one process for each fit, two at a time, and the AUC of every fit."""
    events = read_labelled_events(tokens, task)
    arrays = folder / "events.npz"
    np.savez(arrays, features=events.features, mask=events.types > 0, labels=events.labels.astype(np.int64))
    commands = []
    for n_labels in task.n_labels:
        for seed in task.seeds:
            split = labelled_split(events.labels, events.split, n_labels, seed, task)
            point = {name: getattr(split, name).tolist() for name in ("train", "valid", "test")}
            point |= {"n_labels": n_labels, "seed": seed, "learning_rate": LEARNING_RATE, "settings": dict(settings)}
            point |= {"columns": list(COLUMNS), "model": MODEL.model_dump()}
            commands.append(
                [sys.executable, str(ROOT / "benchmarks" / "sweep_point.py"), str(arrays), json.dumps(point)]
            )
    start = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        said = list(pool.map(output_of, commands))
    return time.perf_counter() - start, [f"{json.loads(text)['auc']:.6f}" for text in said]


def first_steps(folder: Path, events: Path, starts: int) -> dict[str, Any]:
    """Return the median age in s of training processes at the end of their first step: events, tracks, the later."""
    tracks = write_tracks(folder / "tracks")
    trainings: dict[str, tuple[Path, PretrainSettings]] = {
        "events": (events, event_pretraining().pretrain["masked_type"]),
        "tracks": (tracks, tracking_bert().pretrain["bert_token"]),
    }
    found: dict[str, list[float]] = {kind: [] for kind in trainings}
    for number in range(starts):
        for kind, (tokens, settings) in trainings.items():
            found[kind].append(first_step(folder / f"{kind}-{number}", kind, tokens, settings))
    medians = {kind: round(statistics.median(values), 2) for kind, values in found.items()}
    return {"first_step_s": max(medians.values()), **{f"first_step_{kind}_s": value for kind, value in medians.items()}}


def first_step(folder: Path, kind: str, tokens: Path, settings: PretrainSettings) -> float:
    """Return the age in s of a process of pretrain_model at the end of its first step."""
    training = settings.training.model_copy(update={"steps": 2, "threads": 1, "precision": "float32"})
    spec = {
        "name": kind,
        "tokens": [tokens.as_posix()],
        "reader": READERS[kind],
        "objective": OBJECTIVES[settings.objective.name],
        "settings": settings.model_copy(update={"training": training}).model_dump(mode="json"),
        "output": (folder / "run").as_posix(),
        "state": (folder / "state").as_posix(),
    }
    run_job("pretrain_model", spec, [])
    return float(json.loads((folder / "run" / RUN_INFO).read_text(encoding="utf-8"))["first_step_seconds"])


def run_job(stage: str, spec: Mapping[str, Any], options: Sequence[str]) -> None:
    """Run a workflow script as its rule does."""
    loaded = [str(value).partition(":")[0] for name, value in spec.items() if name in {"reader", "objective"}]
    code = CodeReference("0" * 16, (f"prehep.stages.{stage}", COMMAND_LINE, *loaded), "benchmark")
    script = ROOT / "workflow_scripts" / f"{stage}.py"
    given = ("--spec", json.dumps(spec), "--code", str(code), "--runtime", json.dumps({"device": "cpu"}), *options)
    output_of([sys.executable, str(script), *given])


def output_of(command: Sequence[str]) -> str:
    """Return what a command writes."""
    result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{command[1]} failed: {result.stderr[-2000:]}")
    return result.stdout


def write_events(folder: Path, seed: int, events: int = 3_000) -> Path:
    """Write tokens of random events of 3 to 12 objects, those of seed 0 with a little more pt."""
    random = np.random.default_rng(seed)
    lengths = np.clip(random.poisson(8, events) + 1, 3, SLOTS)
    objects = int(lengths.sum())
    angle = random.uniform(-np.pi, np.pi, objects)
    types = random.integers(1, 5, objects)
    columns = [random.normal(0.3 * (seed == 0), 1, objects), random.normal(0, 1, objects), np.sin(angle), np.cos(angle)]
    features = np.column_stack([*columns, random.normal(0, 1, objects), np.eye(4)[types - 1]])
    arrays = {
        "features": features.astype(np.float32),
        "types": types.astype(np.int8),
        "kinematics": np.abs(features[:, :5]).astype(np.float32),
        "slot": np.concatenate([np.arange(length) for length in lengths]).astype(np.int8),
        "offsets": np.r_[0, np.cumsum(lengths)],
        "split": random.choice(3, events, p=[0.6, 0.2, 0.2]).astype(np.uint8),
    }
    encoding = {
        "slots": ["lepton"] * SLOTS,
        "features": [*COLUMNS[:5], "type"],
        "columns": COLUMNS,
        "scaling": Scaling.identity(COLUMNS).model_dump(),
    }
    return write_tokens(folder, "tokenize_events", arrays, encoding=encoding)


def write_tracks(folder: Path, tracks: int = 3_000) -> Path:
    """Write tokens of random tracks of 8 to 20 hits in a detector of 18,723 modules."""
    random = np.random.default_rng(0)
    lengths = random.integers(8, 21, tracks)
    arrays = {
        "tokens": random.integers(5, MODULES + 5, int(lengths.sum())).astype(np.int32),
        "offsets": np.r_[0, np.cumsum(lengths)].astype(np.int64),
        "split": random.choice(3, tracks, p=[0.6, 0.2, 0.2]).astype(np.uint8),
    }
    places = {name: np.r_[[0.0] * 5, random.normal(0, 100, MODULES)] for name in ("cx", "cy", "cz")}
    numbers = {name: np.r_[[-1] * 5, np.arange(MODULES)].astype(np.int32) for name in ("volume", "layer", "module")}
    vocabulary = pd.DataFrame({"token": np.arange(MODULES + 5, dtype=np.int32), **numbers, **places})
    return write_tokens(folder, "tokenize_tracks", arrays, vocabulary=vocabulary)


def write_tokens(
    folder: Path,
    stage: str,
    arrays: Mapping[str, NDArray[Any]],
    *,
    encoding: Mapping[str, Any] | None = None,
    vocabulary: pd.DataFrame | None = None,
) -> Path:
    """Write a finished folder of tokens."""
    with publish(folder, StageSpec(output=folder), stage=stage) as publication:
        for name, array in arrays.items():
            np.save(publication.payload(f"{name}.npy"), array)
        if encoding is not None:
            publication.payload("encoding.json").write_text(json.dumps(encoding), encoding="utf-8")
        if vocabulary is not None:
            vocabulary.to_parquet(publication.payload("vocabulary.parquet"))
    return folder


if __name__ == "__main__":
    main()
