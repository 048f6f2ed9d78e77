"""What the folders of jobs depend on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from running import ROOT

from prehep.core.config.documents import defaults_text
from prehep.core.settings import merge
from prehep.workflow.planning import ConfiguredPlan, make_plan

CONFIG = ROOT / "config"
DEFAULTS = yaml.safe_load(defaults_text())


def planned(name: str = "config", **changes: Any) -> ConfiguredPlan:
    overlay = yaml.safe_load((CONFIG / f"{name}.yaml").read_text())
    return make_plan(merge(merge(DEFAULTS, overlay), changes), CONFIG)


def folders(plan: ConfiguredPlan, rule: str) -> set[Path]:
    return {job.folder for job in plan.of(rule)}


def changed_rules(before: ConfiguredPlan, after: ConfiguredPlan) -> set[str]:
    rules = {job.rule for job in [*before.jobs.values(), *after.jobs.values()]}
    return {rule for rule in rules if folders(before, rule) != folders(after, rule)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"log_level": "DEBUG", "device": "cpu", "sample_dir": "/x"}, set()),
        ({"event_pretraining": {"task": {"seeds": [1]}}}, {"finetune_sweep", "train_baseline", "aggregate_study"}),
        (
            {"tracking_bert": {"pretrain": {"bert_token": {"seed": 2}}}},
            {"pretrain_model", "evaluate_model", "aggregate_study"},
        ),
        ({"datasets": {"pseudo_data": {"title": "other"}}}, {"aggregate_study"}),
    ],
)
def test_change_moves_exactly_its_branch(change: dict[str, Any], expected: set[str]) -> None:
    assert changed_rules(planned(), planned(**change)) == expected


def test_address_counts_only_without_checksum() -> None:
    def moved(plan: ConfiguredPlan, dataset: str, change: Callable[[dict[str, Any]], None]) -> bool:
        entry = yaml.safe_load((CONFIG / "datasets" / f"{dataset}.yaml").read_text())
        change(entry["files"][0])
        other = planned("sample", datasets={dataset: {"files": entry["files"]}})
        return folders(plan, "fetch_file") != folders(other, "fetch_file")

    plan = planned("sample")
    assert not moved(plan, "cms_dimuon", lambda file: file.update(url="https://mirror.example/nano_dimuon.root"))
    assert moved(plan, "cms_dimuon", lambda file: file.update(checksum="md5:" + "0" * 32))
    assert moved(plan, "cms_dimuon", lambda file: file.update(checksum=None))


def test_first_sample_is_the_data() -> None:
    for name, data in (("config", "pseudo_data"), ("sample", "cms_2012_double_muon")):
        job = next(job for job in planned(name).of("aggregate_study") if job.name == "event_pretraining")
        assert next(iter(json.loads(job.arguments)["samples"])) == data


def test_hidden_gpu_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(device="cuda").uses_gpu
    assert not planned(device="cpu").uses_gpu
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not planned(device="auto").uses_gpu
