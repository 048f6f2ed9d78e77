"""What an edit of a module reaches: exactly the jobs that can run it."""

import importlib.util
import re
from collections.abc import Iterable
from typing import Any

import pytest
from running import ROOT
from test_planning import planned

from prehep.core.fingerprint import module_digests
from prehep.core.lazy import load, module_of
from prehep.figures.registry import FIGURES
from prehep.objectives.registry import OBJECTIVES
from prehep.workflow import parts
from prehep.workflow.jobs import COMMAND_LINE, Plan

KINEMATICS = {"objective": {"name": "masked_kinematics"}, "training": {"steps": 10}}
CHANGES: dict[str, Any] = {"event_pretraining": {"pretrain": {"masked_kinematics": KINEMATICS}}}
OF_TRACKS = re.compile(r"track|mdm|ngram|module_evaluation|masked_modules|muon_gun")
OF_EVENTS = re.compile(r"event|label|trees|mixture|histograms|masked_(type|kinematics|objects)|nanoaod|cocktail")
BOTH = {"build_report", "plot_training_curves"}
PRETRAINED = ("pretrain_model", "evaluate_model")
BERT = ("bert_geometry", "bert_geometry_mixed", "bert_token")
MASKED = ("masked_type", "masked_kinematics")
GUN, TTBAR = ("tracks_gun",), ("tracks_ttbar",)
EVENTS, TRACKS = ("pseudo_data", "background_ttbar", "signal_2hdm"), (*GUN, *TTBAR)
SWEEPS, TREES = ("pretrained", "scratch_published", "scratch_tuned"), ("trees_flat", "trees_engineered")


def jobs(rules: str | Iterable[str], names: Iterable[str] = ("",)) -> set[str]:
    """Return `rule name` for every rule and name; without names all jobs of the rules."""
    listed = [rules] if isinstance(rules, str) else rules
    return {f"{rule} {name}".strip() for rule in listed for name in names}


EVENT_TABLES = jobs("aggregate_study", ["event_pretraining"])
PLOTS = jobs(f"plot_{name}" for name in FIGURES)
EDITS: dict[str, set[str]] = {
    # data
    "data.simulate.cocktail": jobs("simulate_events"),
    "data.simulate.muon_gun": jobs("simulate_tracks", GUN),
    "data.simulate.tracker_collisions": jobs("simulate_tracks", TTBAR),
    "data.simulate.tracker_geometry": jobs("simulate_tracks"),
    "data.certified": set(),
    "data.nanoaod": jobs("ingest_events"),
    "data.trackml": jobs("ingest_tracks"),
    "data.event_quality": jobs("check_quality", EVENTS),
    "data.track_quality": jobs("check_quality", TRACKS),
    # tokens
    "tokens.event_selection": jobs("tokenize_events"),
    "tokens.track_sequences": jobs("tokenize_tracks"),
    "tokens.event_data": jobs(PRETRAINED, MASKED),
    "tokens.track_data": jobs(PRETRAINED, BERT) | jobs("train_baseline", ["ngram"]),
    "tokens.ragged": jobs(PRETRAINED) | jobs("train_baseline", ["ngram"]),
    "tokens.event_slots": jobs(("tokenize_events", "finetune_sweep")) | jobs("train_baseline", TREES) | EVENT_TABLES,
    "stages.dense_events": jobs("finetune_sweep") | jobs("train_baseline", TREES) | EVENT_TABLES,
    # trainings
    "objectives.registry": set(),
    "objectives.mdm": jobs(PRETRAINED, BERT),
    "objectives.masked_type": jobs(PRETRAINED, ["masked_type"]),
    "objectives.masked_kinematics": jobs(PRETRAINED, ["masked_kinematics"]),
    "objectives.masks": jobs(PRETRAINED, MASKED),
    "models.track_encoder": jobs(PRETRAINED, BERT),
    "models.event_encoder": jobs(PRETRAINED, MASKED) | jobs("finetune_sweep"),
    "models.classifier": jobs("finetune_sweep"),
    "training.loop": jobs("pretrain_model"),
    "training.trainer": jobs("pretrain_model"),
    "training.guard": jobs("pretrain_model"),
    "training.classification": jobs("finetune_sweep"),
    "training.workers": jobs("finetune_sweep"),
    "stages.finetune_points": jobs("finetune_sweep"),
    "hub.saving": jobs(PRETRAINED) | jobs("finetune_sweep", ["pretrained"]),
    "hub.description": jobs(PRETRAINED) | jobs("finetune_sweep", ["pretrained"]),
    "hub.pretrained": jobs("evaluate_model") | jobs("finetune_sweep", ["pretrained"]),
    "hub.reading": jobs("evaluate_model") | jobs("finetune_sweep", ["pretrained"]),
    "hub.differences": jobs("evaluate_model") | jobs("finetune_sweep", ["pretrained"]),
    "hub.loading": set(),
    # evaluation
    "evaluation.trees": jobs("train_baseline", TREES),
    "evaluation.engineered_features": jobs("train_baseline", ["trees_engineered"]),
    "evaluation.flat_features": jobs("train_baseline", ["trees_flat"]),
    "evaluation.ngram": jobs("train_baseline", ["ngram"]),
    "evaluation.masked_objects": jobs("evaluate_model", MASKED),
    "evaluation.masked_modules": jobs("evaluate_model", BERT) | jobs("train_baseline", ["ngram"]),
    "evaluation.histograms": jobs("aggregate_study", ["event_pretraining"]),
    "stages.track_study": jobs("aggregate_study", ["tracking_bert"]),
    # what is shown
    "evaluation.label_verdict": jobs("build_report"),
    "evaluation.module_verdict": jobs("build_report"),
    "figures.captions": jobs("build_report"),
    "figures.report_template": jobs("build_report"),
    "figures.registry": jobs("build_report"),
    "figures.style": PLOTS,
    **{f"figures.{name}": jobs(f"plot_{name}") for name in FIGURES},
    # configuration
    "core.config.root": set(),
    "core.config.defaults": set(),
    "core.config.studies": set(),
    "core.config.datasets": set(),
    "core.config.event_simulation": jobs("simulate_events"),
    "core.config.track_simulation": jobs("simulate_tracks"),
    "core.config.track_tokens": jobs("tokenize_tracks"),
    "core.config.trees": jobs("train_baseline", TREES),
    "core.config.finetuning": jobs("finetune_sweep"),
    "core.config.training": jobs(PRETRAINED) | jobs("finetune_sweep", ["pretrained"]),
}
"""The module that is edited, and the jobs that it reaches: a rule, or a rule and a name."""


def reached(plan: Plan, module: str) -> set[str]:
    """Return `rule name` of the jobs whose code holds a module."""
    return {title(job.rule, job.name) for job in plan if module in module_digests(*job.modules)}


def title(rule: str, name: str) -> str:
    """Return rule and name of a job, without the number of a shard."""
    return f"{rule} {re.sub(r'[.][0-9]+$', '', name)}"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planned(**CHANGES)


@pytest.mark.parametrize("module", EDITS)
def test_edit_reaches_exactly_the_jobs_that_run_it(plan: Plan, module: str) -> None:
    known = {title(job.rule, job.name) for job in plan}
    expected = {job for job in known if EDITS[module] & {job, job.split()[0]}}
    assert importlib.util.find_spec(f"prehep.{module}")
    assert reached(plan, f"prehep.{module}") == expected


@pytest.mark.parametrize(
    ("study", "foreign"), [("event_pretraining", OF_TRACKS), ("tracking_bert", OF_EVENTS)], ids=["events", "tracks"]
)
def test_jobs_of_one_study_hold_no_code_of_the_other(study: str, foreign: re.Pattern[str]) -> None:
    for job in planned(studies=[study], **CHANGES):
        found = [module for module in module_digests(*job.modules) if foreign.search(module)]
        assert job.rule in BOTH or not found, title(job.rule, job.name)


def test_code_that_a_specification_names_counts() -> None:
    for name in ("config", "sample", "paper"):
        for job in planned(name):
            entries = [value for value in job.spec.values() if isinstance(value, str) and value.startswith("prehep.")]
            named = {module_of(entry) for entry in entries}
            assert named == set(job.modules[1:]) - {COMMAND_LINE}, title(job.rule, job.name)


def test_every_entry_of_the_maps_can_be_loaded() -> None:
    maps = [value for name, value in vars(parts).items() if name.isupper()]
    entries = [entry for value in maps for entry in (value.values() if isinstance(value, dict) else [value])]
    assert len(entries) > 10
    for entry in (*entries, *OBJECTIVES.values(), *(figure.module for figure in FIGURES.values())):
        assert load(entry), entry


def test_nothing_else_imports_by_name() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow_scripts").glob("*.py")]
    found = [path.name for path in sources if re.search(r"import_module|__import__|runpy|exec\(", path.read_text())]
    # the generator tries packages that are not ours
    assert sorted(found) == ["generator.py", "lazy.py"]
