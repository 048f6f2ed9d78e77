"""Conventions that every rule keeps."""

import importlib
import json
import re
from pathlib import Path

import pytest
import yaml
from running import ROOT

from prehep.core.config.documents import defaults_text
from prehep.core.settings import merge
from prehep.figures.registry import FIGURES
from prehep.workflow.planning import make_plan

TEXT = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
NAMED = [(name, body) for name, body in re.findall(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", TEXT, re.MULTILINE | re.DOTALL)]
PLOTS = re.findall(r"^    rule:\n(.*?)(?=^\S|\Z)", TEXT, re.MULTILINE | re.DOTALL)
SCRIPTS = sorted((ROOT / "workflow_scripts").glob("*.py"))


@pytest.mark.parametrize(("name", "body"), [*NAMED, ("plot_{figure}", PLOTS[0])])
def test_rule_is_complete(name: str, body: str) -> None:
    for part in ("log", "benchmark", "threads", "resources", "params", "message", "shell"):
        assert f"    {part}:" in body, f"{name} has no {part}:"
    assert "gpu=" in body
    assert "code=" in body
    assert f"logs/{name}/" in body
    assert f"benchmarks-out/{name}/" in body


def test_every_rule_has_a_script_of_its_name() -> None:
    names = [name for name, _ in NAMED] + [f"plot_{figure}" for figure in FIGURES]
    assert sorted(names) == [path.stem for path in SCRIPTS]


def test_scripts_rules_and_snakefile_stay_small() -> None:
    assert max(len(path.read_text().splitlines()) for path in SCRIPTS) <= 30
    assert max(len(path.read_text().splitlines()) for path in (ROOT / "rules").glob("*.smk")) <= 200
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 60


@pytest.mark.parametrize("name", ["config", "smoke", "sample", "paper"])
def test_every_planned_specification_fits_its_stage(name: str) -> None:
    overlay = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    plan = make_plan(merge(yaml.safe_load(defaults_text()), overlay), ROOT / "config")
    for job in plan.jobs.values():
        stage = importlib.import_module(job.modules[0])
        spec = stage.Spec.model_validate(merge(json.loads(job.arguments), job.source))
        assert spec.output == Path(job.folder)
        assert set(job.modules) <= set(plan.code(job))
