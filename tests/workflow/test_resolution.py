"""What `auto` becomes before anything is planned, and that a plan knows only the result."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_planning import CONFIG, DEFAULTS

from prehep.core.config.loading import load_config
from prehep.core.config.root import Config
from prehep.core.errors import ConfigError
from prehep.core.settings import merge
from prehep.workflow import machine as machine_module
from prehep.workflow.launching import training_command
from prehep.workflow.machine import VARIABLE, Machine, hand_on, this_machine
from prehep.workflow.planning import ConfiguredPlan, make_plan
from prehep.workflow.resolution import precision_of, resolve_auto, slow_precisions, threads_of

GPU_NODE = Machine(cuda=True, bfloat16=True, cores=32)
OLD_LAPTOP = Machine(cores=2)
AUTO = {"tracking_bert": {"pretrain": {"bert_token": {"training": {"precision": "auto", "threads": "auto"}}}}}
MACHINES = st.builds(Machine, cuda=st.booleans(), bfloat16=st.booleans(), cores=st.integers(1, 256))


def configured(**changes: Any) -> Config:
    return load_config(merge(DEFAULTS, changes))


def planned(machine: Machine, **changes: Any) -> ConfiguredPlan:
    return make_plan(merge(DEFAULTS, changes), CONFIG, machine)


def pretraining(plan: ConfiguredPlan, name: str) -> dict[str, Any]:
    (job,) = [job for job in plan.of("pretrain_model") if job.name == name]
    training: dict[str, Any] = job.spec["settings"]["training"]
    assert job.threads == training["threads"]
    return training


def folders(plan: ConfiguredPlan) -> set[str]:
    return set(plan.jobs)


def test_plan_holds_the_resolved_values() -> None:
    training = pretraining(planned(GPU_NODE, **AUTO), "bert_token")
    assert (training["precision"], training["threads"]) == ("bfloat16", 1)
    training = pretraining(planned(OLD_LAPTOP, **AUTO), "bert_token")
    assert (training["precision"], training["threads"]) == ("float32", 2)


def test_auto_is_the_same_run_as_what_it_resolves_to() -> None:
    values = {"precision": "float32", "threads": 2}
    explicit = {"tracking_bert": {"pretrain": {"bert_token": {"training": values}}}}
    assert folders(planned(OLD_LAPTOP, **AUTO)) == folders(planned(OLD_LAPTOP, **explicit))
    assert folders(planned(OLD_LAPTOP, **AUTO)) != folders(planned(GPU_NODE, **AUTO))


def test_defaults_are_the_same_everywhere() -> None:
    assert folders(planned(OLD_LAPTOP)) == folders(planned(GPU_NODE))


def test_report_shows_the_resolved_configuration() -> None:
    (report,) = planned(GPU_NODE, **AUTO).of("build_report")
    assert '"auto"' not in json.dumps(report.spec["configuration"])
    assert report.spec["configuration"]["tracking_bert"]["pretrain"]["bert_token"]["training"]["threads"] == 1


@given(machine=MACHINES, device=st.sampled_from(["auto", "cpu", "cuda"]), devices=st.integers(1, 8))
def test_nothing_is_left_open_and_nothing_else_changes(machine: Machine, device: str, devices: int) -> None:
    config = configured(device=device, devices=devices, **AUTO)
    resolved = resolve_auto(config, machine)
    training = resolved.tracking_bert.pretrain["bert_token"].training
    assert training.precision in {"float32", "bfloat16"}
    assert 1 <= training.planned_threads() <= machine.cores
    assert load_config(resolved.model_dump()) == resolved
    assert resolve_auto(resolved, Machine()) == resolved
    kept = merge(resolved.model_dump(mode="json"), AUTO)
    assert kept == config.model_dump(mode="json")


@pytest.mark.parametrize(
    ("machine", "device", "expected"),
    [
        (Machine(cuda=True), "auto", "bfloat16"),
        (Machine(cuda=True), "cpu", "float32"),
        (Machine(), "cuda", "bfloat16"),
        (Machine(), "auto", "float32"),
        (Machine(bfloat16=True), "auto", "bfloat16"),
    ],
)
def test_precision_follows_the_device(machine: Machine, device: str, expected: str) -> None:
    resolved = resolve_auto(configured(device=device, **AUTO), machine)
    assert resolved.tracking_bert.pretrain["bert_token"].training.precision == expected


@pytest.mark.parametrize(("width", "expected"), [(16, "float32"), (63, "float32"), (64, "bfloat16"), (256, "bfloat16")])
def test_bfloat16_pays_for_wide_networks(width: int, expected: str) -> None:
    assert precision_of(width, Machine(bfloat16=True), cuda=False) == expected
    assert precision_of(width, Machine(), cuda=False) == "float32"
    assert precision_of(width, Machine(), cuda=True) == "bfloat16"


@pytest.mark.parametrize(("batch_size", "cores", "threads"), [(64, 8, 1), (256, 2, 2), (256, 1, 1), (5_000, 64, 8)])
def test_threads_are_for_large_batches_on_free_cores(batch_size: int, cores: int, threads: int) -> None:
    assert threads_of(batch_size, cores) == threads


@pytest.mark.parametrize("changes", [{}, {"studies": ["tracking_bert"]}, {"devices": 2}])
def test_threads_depend_on_nothing_that_changes_no_result(changes: dict[str, Any]) -> None:
    large = merge(AUTO, {"tracking_bert": {"pretrain": {"bert_token": {"training": {"batch_size": 5_000}}}}})
    assert pretraining(planned(Machine(cores=8), **large, **changes), "bert_token")["threads"] == 8


def test_emulated_bfloat16_is_one_warning() -> None:
    training = {"training": {"precision": "bfloat16"}}
    config = configured(tracking_bert={"pretrain": {"bert_token": training, "bert_geometry": training}})
    (sentence,) = slow_precisions(config, Machine())
    assert (
        "tracking_bert.pretrain.bert_token, tracking_bert.pretrain.bert_geometry: this processor emulates" in sentence
    )
    assert not slow_precisions(config, Machine(bfloat16=True))
    assert not slow_precisions(config, GPU_NODE)
    assert not slow_precisions(configured(), Machine())


def test_devices_are_in_no_digest() -> None:
    assert folders(planned(GPU_NODE, devices=4)) == folders(planned(GPU_NODE))


def test_facts_are_handed_on() -> None:
    environment: dict[str, str] = {}
    hand_on(GPU_NODE, environment)
    assert this_machine(environment) == GPU_NODE


def test_unreadable_facts_are_one_sentence() -> None:
    with pytest.raises(ConfigError, match=f"{VARIABLE} is 'many', expected facts like"):
        this_machine({VARIABLE: "many"})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx512_bf16 amx_bf16", True),
        ("flags\t\t: fpu avx512_bf16", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu avx2", False),
    ],
)
def test_processor_is_read(line: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n\nprocessor\t: 1\n")
    monkeypatch.setattr(machine_module, "PROCESSOR", tmp_path / "cpuinfo")
    assert this_machine({}).bfloat16 is expected


def test_system_without_that_file_has_no_bfloat16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "PROCESSOR", tmp_path / "absent")
    assert not this_machine({}).bfloat16


@pytest.mark.parametrize(
    ("devices", "environment", "expected"),
    [
        (1, {"SLURM_NTASKS": "4"}, "'/a b/python'"),
        (2, {}, "'/a b/python' -m torch.distributed.run --standalone --nproc-per-node=2 --"),
        (2, {"SLURM_NTASKS": "1"}, "'/a b/python' -m torch.distributed.run --standalone --nproc-per-node=2 --"),
        (
            2,
            {"SLURM_NTASKS": "2"},
            "srun --overlap --kill-on-bad-exit --ntasks=2 --cpus-per-task=$((OMP_NUM_THREADS / 2)) '/a b/python'",
        ),
    ],
)
def test_trainings_are_started_by_what_is_there(devices: int, environment: dict[str, str], expected: str) -> None:
    assert training_command("/a b/python", devices, environment) == expected
