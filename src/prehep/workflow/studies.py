"""The jobs of each study, from tokens to tables, and of the figures and the report that show them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prehep.core.config.datasets import SimulatedEvents
from prehep.core.config.root import Config
from prehep.core.config.studies import EventStudy
from prehep.core.config.training import PretrainSettings
from prehep.core.settings import defining
from prehep.figures.registry import FIGURES
from prehep.objectives.registry import OBJECTIVES
from prehep.workflow.jobs import Job, make_job
from prehep.workflow.planning import DataJobs


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
    runs = {name: _pretrain(name, settings, [tokens]) for name, settings in study.pretrain.items()}
    scores = _few_labels(study, data, tokens, runs[study.finetune_from])
    accuracies = [_evaluate(name, run, {study.pretrain_data: tokens}) for name, run in runs.items()]
    drawn = {name: data.tokens(name, study.tokens, tokens) for name in study.comparison_data}
    names = [study.pretrain_data, *study.comparison_data]
    fields = {
        "kind": "events",
        "simulations": _simulations(data, study.pretrain_data),
        "task": defining(study.task),
        "task_origin": data.origin(study.task.signal or study.pretrain_data),
        "tokens": defining(study.tokens),
        "references": _references(study),
    }
    samples = {study.pretrain_data: tokens, **drawn}
    tables = _aggregate("event_pretraining", fields, (scores, accuracies, runs, samples), data)
    dimuons = study.task.kind == "z_window"
    figures = ("label_efficiency", "object_distributions", *(("dimuon_mass",) if dimuons else ()))
    return StudyJobs("event_pretraining", tables, figures, tuple(data.quality(name) for name in _unique(names)))


def track_study(config: Config, data: DataJobs) -> StudyJobs:
    """Return the jobs of study tracking_bert (paper B)."""
    study = config.tracking_bert
    tokens = {name: data.tokens(name, study.tokens) for name in study.pretrain_data}
    foreign = {name: data.tokens(name, study.tokens) for name in study.evaluation_data}
    samples = {**tokens, **foreign}
    runs = {name: _pretrain(name, settings, list(tokens.values())) for name, settings in study.pretrain.items()}
    accuracies = [_evaluate(name, run, samples, list(foreign)) for name, run in runs.items()]
    if study.ngram:
        accuracies.append(_ngram(tokens, samples, list(foreign)))
    tables = _aggregate("tracking_bert", {"kind": "tracks"}, ([], accuracies, runs, samples), data)
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
        "configuration": defining(config),
    }
    upstream = [*figures.values(), *tables.values(), *quality.values()]
    return make_job("build_report", config.name, fields, upstream, folder=results)


def _pretrain(name: str, settings: PretrainSettings, tokens: list[Job]) -> Job:
    return make_job(
        "pretrain_model",
        name,
        {"name": name, "tokens": [job.folder.as_posix() for job in tokens], "settings": defining(settings)},
        tokens,
        modules=(OBJECTIVES[settings.objective.name].partition(":")[0],),
        gpu=True,
        trains=True,
        threads=settings.training.threads,
    )


def _few_labels(study: EventStudy, data: DataJobs, tokens: Job, run: Job) -> list[Job]:
    """Return the sweeps and trees of the downstream task."""
    task = study.task
    named = [name for name in (task.signal, task.background) if name is not None]
    inputs = [data.tokens(name, study.tokens, tokens) for name in named] or [tokens]
    common: dict[str, Any] = {"tokens": [job.folder.as_posix() for job in inputs], "task": defining(task)}
    architecture = study.pretrain[study.finetune_from]
    objective = OBJECTIVES[architecture.objective.name].partition(":")[0]
    jobs = []
    for name, settings in study.sweeps.items():
        start = run if settings.pretrained else None
        fields = {
            **common,
            "model": name,
            "settings": defining(settings),
            "architecture": defining(architecture.model),
            "pretrained": start.folder.as_posix() if start else None,
        }
        upstream = [*inputs, *([start] if start else [])]
        modules = (objective,) if start else ()
        jobs.append(
            make_job(
                "finetune_sweep",
                name,
                fields,
                upstream,
                modules=modules,
                gpu=True,
                trains=True,
                threads=settings.threads,
            )
        )
    for tree, trees in study.trees.items():
        jobs.append(make_job("train_baseline", tree, _baseline(tree, "trees", common, defining(trees)), inputs))
    return jobs


def _baseline(model: str, kind: str, common: dict[str, Any], trees: dict[str, Any] | None) -> dict[str, Any]:
    return {**common, "model": model, "kind": kind, "trees": trees}


def _ngram(tokens: dict[str, Job], samples: dict[str, Job], whole: list[str]) -> Job:
    common = {
        "tokens": [job.folder.as_posix() for job in tokens.values()],
        "evaluation": _folders(samples),
        "whole": whole,
    }
    return make_job("train_baseline", "ngram", _baseline("ngram", "ngram", common, None), samples.values())


def _evaluate(name: str, run: Job, samples: dict[str, Job], whole: list[str] | None = None) -> Job:
    fields = {"model": name, "run": run.folder.as_posix(), "tokens": _folders(samples), "whole": whole or []}
    upstream = [run, *samples.values()]
    return make_job("evaluate_model", name, fields, upstream, modules=run.modules[1:], gpu=True, threads=run.threads)


def _aggregate(
    study: str,
    fields: dict[str, Any],
    parts: tuple[list[Job], list[Job], dict[str, Job], dict[str, Job]],
    data: DataJobs,
) -> Job:
    scores, accuracies, runs, samples = parts
    fields = {
        **fields,
        "study": study,
        "scores": [job.folder.as_posix() for job in scores],
        "accuracies": [job.folder.as_posix() for job in accuracies],
        "runs": _folders(runs),
        "samples": _folders(samples),
        "sample_titles": {name: data.title(name) for name in samples},
        "sample_origins": {name: data.origin(name) for name in samples},
    }
    simulations = [
        job for name in samples for job in data.shards(name) if job.folder.as_posix() in fields.get("simulations", [])
    ]
    upstream = [*scores, *accuracies, *runs.values(), *samples.values(), *simulations]
    return make_job("aggregate_study", study, fields, upstream)


def _simulations(data: DataJobs, name: str) -> list[str]:
    """Return the folders whose summaries tell the mixture of a simulated cocktail."""
    if not isinstance(data.datasets[name], SimulatedEvents):
        return []
    return [job.folder.as_posix() for job in data.shards(name)]


def _references(study: EventStudy) -> dict[str, float]:
    named = {"pretrained": study.reference_pretrained, "scratch": study.reference_scratch}
    return {name: value for name, value in named.items() if value is not None}


def _figure(name: str, studies: list[StudyJobs], results: Path) -> Job:
    tables = {study.name: study.tables for study in studies}
    fields = {"figure": name, "tables": _folders(tables)}
    module = FIGURES[name].module
    folder = results / "figures" / name
    return make_job(f"plot_{name}", name, fields, tables.values(), folder=folder, modules=(module,))


def _folders(jobs: dict[str, Job]) -> dict[str, str]:
    return {name: job.folder.as_posix() for name, job in jobs.items()}


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))
