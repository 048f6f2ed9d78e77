"""The jobs of each study, from tokens to tables, and of the figures and the report that show them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.core.config.root import Config
from prehep.core.config.studies import EventStudy, SweepModel
from prehep.core.config.training import PretrainSettings
from prehep.core.settings import defining
from prehep.figures.registry import FIGURES
from prehep.objectives.registry import OBJECTIVES
from prehep.workflow.jobs import Job, make_job
from prehep.workflow.parts import BASELINES, ENCODER_LOADER, EVALUATIONS, READERS, STUDY_TABLES, modules_of
from prehep.workflow.planning import DataJobs

MAIN_TABLES = {
    "event_pretraining": ("label_efficiency", "label_summary"),
    "tracking_bert": ("mdm_accuracy", "mdm_distance"),
}


@dataclass(frozen=True)
class StudyJobs:
    """What a study hands to the report: its tables, the figures it fills, and its checked datasets."""

    name: str
    tables: Job
    figures: tuple[str, ...]
    quality: tuple[Job, ...]


def event_study(config: Config, data: DataJobs) -> StudyJobs:
    """Return the jobs of study event_pretraining (paper A)."""
    study = config.event_pretraining
    tokens = data.tokens(study.pretrain_data, study.tokens)
    runs = {name: _pretrain(name, "events", settings, [tokens]) for name, settings in study.pretrain.items()}
    scores = _few_labels(study, data, tokens, runs[study.finetune_from])
    accuracies = [_evaluate(name, "events", run, {study.pretrain_data: tokens}) for name, run in runs.items()]
    drawn = {name: data.tokens(name, study.tokens, tokens) for name in study.comparison_data}
    names = [study.pretrain_data, *study.comparison_data]
    simulations = _simulations(data, study.pretrain_data)
    settings = {
        "scores": _paths(scores),
        "simulations": _paths(simulations),
        "task": defining(study.task),
        "task_origin": data.origin(study.task.signal or study.pretrain_data),
        "tokens": defining(study.tokens),
        "references": _references(study),
    }
    samples = {study.pretrain_data: tokens, **drawn}
    fields = {"study": "event_pretraining", "kind": "events", "settings": settings}
    tables = _aggregate(fields, [*scores, *simulations], (accuracies, runs, samples), data)
    dimuons = study.task.kind == "z_window"
    figures = ("label_efficiency", "object_distributions", *(("dimuon_mass",) if dimuons else ()))
    return StudyJobs("event_pretraining", tables, figures, tuple(data.quality(name) for name in _unique(names)))


def track_study(config: Config, data: DataJobs) -> StudyJobs:
    """Return the jobs of study tracking_bert (paper B)."""
    study = config.tracking_bert
    tokens = {name: data.tokens(name, study.tokens) for name in study.pretrain_data}
    foreign = {name: data.tokens(name, study.tokens) for name in study.evaluation_data}
    samples = {**tokens, **foreign}
    runs = {
        name: _pretrain(name, "tracks", settings, list(tokens.values())) for name, settings in study.pretrain.items()
    }
    accuracies = [_evaluate(name, "tracks", run, samples, list(foreign)) for name, run in runs.items()]
    if study.ngram:
        accuracies.append(_ngram(tokens, samples, list(foreign)))
    fields = {"study": "tracking_bert", "kind": "tracks", "settings": {}}
    tables = _aggregate(fields, [], (accuracies, runs, samples), data)
    figures = ("mdm_accuracy", "module_distance", "input_visibility")
    return StudyJobs("tracking_bert", tables, figures, tuple(data.quality(name) for name in samples))


def report_job(config: Config, data: DataJobs, studies: list[StudyJobs], extra: list[Job]) -> Job:
    """Return the job of the report, on which everything else hangs."""
    results = Path("results") / config.name
    figures = {name: _figure(name, [study], results) for study in studies for name in study.figures}
    figures["training_curves"] = _figure("training_curves", studies, results)
    quality = {job.name: job for study in studies for job in study.quality} | {job.name: job for job in extra}
    tables = {study.name: study.tables for study in studies}
    fields = {
        "config_name": config.name,
        "figures": _folders(figures),
        "tables": _folders(tables),
        "quality": _folders(quality),
        "sources": {name: source for name in quality if (source := data.source(name))},
        "configuration": _used(config, quality),
    }
    upstream = [*figures.values(), *tables.values(), *quality.values()]
    shown = [f"tables/{name}.csv" for study in studies for name in MAIN_TABLES[study.name]]
    files = ("report.html", "metrics.json", *shown)
    return make_job("build_report", config.name, fields, upstream, folder=results, files=files)


def _used(config: Config, datasets: Iterable[str]) -> dict[str, Any]:
    """Return the configuration without what nothing here reads: other studies, overrides of other datasets."""
    values = defining(config)
    unused = MAIN_TABLES.keys() - set(config.studies)
    overrides = {name: value for name, value in values["datasets"].items() if name in set(datasets)}
    # the order of these keys means nothing
    ordered = json.loads(json.dumps(overrides, sort_keys=True))
    return {key: value for key, value in values.items() if key not in unused} | {"datasets": ordered}


def _pretrain(name: str, kind: str, settings: PretrainSettings, tokens: list[Job]) -> Job:
    parts = {"reader": READERS[kind], "objective": OBJECTIVES[settings.objective.name]}
    return make_job(
        "pretrain_model",
        name,
        {"name": name, "tokens": _paths(tokens), **parts, "settings": defining(settings)},
        tokens,
        modules=modules_of(parts),
        gpu=True,
        trains=True,
        threads=settings.training.threads,
    )


def _few_labels(study: EventStudy, data: DataJobs, tokens: Job, run: Job) -> list[Job]:
    """Return the sweeps and trees of the downstream task."""
    named = [name for name in (study.task.signal, study.task.background) if name is not None]
    inputs = [data.tokens(name, study.tokens, tokens) for name in named] or [tokens]
    task = defining(study.task)
    sweeps = [_sweep(name, study, inputs, run) for name in study.sweeps]
    return sweeps + [
        _baseline(name, trees.features, inputs, {"task": task, "trees": defining(trees)}, inputs)
        for name, trees in study.trees.items()
    ]


def _sweep(name: SweepModel, study: EventStudy, tokens: list[Job], run: Job) -> Job:
    settings = study.sweeps[name]
    start = [run] if settings.pretrained else []
    parts = {"loader": ENCODER_LOADER} if start else {}
    fields = {
        "model": name,
        "tokens": _paths(tokens),
        "task": defining(study.task),
        "settings": defining(settings),
        "architecture": defining(study.pretrain[study.finetune_from].model),
        "pretrained": run.folder.as_posix() if start else None,
        **parts,
    }
    return make_job(
        "finetune_sweep",
        name,
        fields,
        [*tokens, *start],
        modules=modules_of(parts),
        gpu=True,
        threads=settings.threads,
        tasks=len(study.task.n_labels) * (len(settings.learning_rates) + len(study.task.seeds) - 1),
    )


def _baseline(name: str, kind: str, tokens: list[Job], settings: dict[str, Any], upstream: Iterable[Job]) -> Job:
    parts = {"baseline": BASELINES[kind]}
    fields = {"model": name, **parts, "tokens": _paths(tokens), "settings": settings}
    return make_job("train_baseline", name, fields, upstream, modules=modules_of(parts))


def _ngram(tokens: dict[str, Job], samples: dict[str, Job], whole: list[str]) -> Job:
    settings = {"evaluation": _folders(samples), "whole": whole}
    return _baseline("ngram", "ngram", list(tokens.values()), settings, samples.values())


def _evaluate(name: str, kind: str, run: Job, samples: dict[str, Job], whole: Iterable[str] = ()) -> Job:
    parts = {"objective": run.spec["objective"], "evaluation": EVALUATIONS[kind]}
    places = {"run": run.folder.as_posix(), "tokens": _folders(samples), "whole": list(whole)}
    fields = {"model": name, **parts, **places}
    upstream = [run, *samples.values()]
    return make_job("evaluate_model", name, fields, upstream, modules=modules_of(parts), gpu=True, threads=run.threads)


def _aggregate(
    fields: dict[str, Any],
    own: list[Job],
    shared: tuple[list[Job], dict[str, Job], dict[str, Job]],
    data: DataJobs,
) -> Job:
    """Return the job of a study's tables from the jobs that only its kind has and those of every study."""
    accuracies, runs, samples = shared
    parts = {"part": STUDY_TABLES[fields["kind"]]}
    fields = {
        **fields,
        **parts,
        "accuracies": _paths(accuracies),
        "runs": _folders(runs),
        "samples": _folders(samples),
        "sample_titles": {name: data.title(name) for name in samples},
        "sample_origins": {name: data.origin(name) for name in samples},
    }
    upstream = [*own, *accuracies, *runs.values(), *samples.values()]
    return make_job("aggregate_study", fields["study"], fields, upstream, modules=modules_of(parts))


def _simulations(data: DataJobs, name: str) -> list[Job]:
    """Return the jobs whose summaries tell the mixture of a simulated cocktail."""
    return data.shards(name) if isinstance(data.datasets[name], SimulatedEvents) else []


def _references(study: EventStudy) -> dict[str, float]:
    named = {"pretrained": study.reference_pretrained, "scratch": study.reference_scratch}
    return {name: value for name, value in named.items() if value is not None}


def _figure(name: str, studies: list[StudyJobs], results: Path) -> Job:
    tables = {study.name: study.tables for study in studies}
    entry = FIGURES[name]
    fields = {"figure": name, "drawing": entry.module, "needs": list(entry.tables), "tables": _folders(tables)}
    folder = results / "figures" / name
    files = tuple(f"{name}.{suffix}" for suffix in ("png", "pdf", "csv"))
    return make_job(f"plot_{name}", name, fields, tables.values(), folder=folder, modules=(entry.module,), files=files)


def _paths(jobs: Iterable[Job]) -> list[str]:
    return [job.folder.as_posix() for job in jobs]


def _folders(jobs: dict[str, Job]) -> dict[str, str]:
    return {name: job.folder.as_posix() for name, job in jobs.items()}


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))
