"""`prehep status` and `prehep why`: what is said of each result, and of what changed since it was made."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from edits import OVERLAY, add_code, add_line, configure, delete, events, replace_payload, replace_pretraining
from hypothesis import given
from hypothesis import strategies as st
from running import Project
from smoke_jobs import READS, name_of
from typer.main import get_command
from typer.testing import CliRunner

from prehep.cli import app
from prehep.workflow.status import Reason, changed_settings

FIGURE = "results/smoke/figures/label_efficiency/label_efficiency.png"
OVERLAID = f"--configfile={OVERLAY}"
COMMANDS = sorted(get_command(app).commands)
KEYS = st.text("ab", min_size=1, max_size=2)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-1, 1) | st.sampled_from(["", "a", "null", "Ellipsis"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
SETTINGS = st.dictionaries(KEYS, VALUES, max_size=4)


def why(project: Project, target: str, *arguments: str, status: int = 1) -> dict[str, Any]:
    """Return what `prehep why --json` says."""
    result = project.prehep("why", target, "--json", *arguments)
    assert result.returncode == status, result.stdout + result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def texts(explanation: dict[str, Any]) -> list[str]:
    """Return the reasons in an explanation."""
    return [reason["text"] for reason in explanation["reasons"]]


def test_all_results_of_a_run_are_fresh_without_snakemakes_records(project: Project) -> None:
    delete(".snakemake", "provenance")(project)
    result = project.prehep("status", "--json")
    entries = json.loads(result.stdout)
    assert result.returncode == 0
    assert {name_of(entry) for entry in entries} == set(READS)
    assert {entry["state"] for entry in entries} == {"fresh"}
    assert not (project.folder / ".snakemake").exists()
    table = project.prehep("status")
    assert table.returncode == 0
    assert table.stdout.endswith(f"{len(READS)} fresh.\n")
    assert all(entry["run"].rpartition("/")[2] in table.stdout for entry in entries)


def test_a_project_that_never_ran_is_all_missing(project: Project) -> None:
    delete("data", "tokens", "runs", "results")(project)
    result = project.prehep("status")
    assert result.returncode == 1
    assert result.stdout.endswith(f"{len(READS)} missing.\n")


def test_a_changed_setting_is_told_with_both_values(project: Project) -> None:
    before = project.find("runs/pretrain_model/masked_type-*").relative_to(project.folder)
    events(pretrain={"masked_type": {"objective": {"mask_rate": 0.4}}})(project)
    found = why(project, "runs/pretrain_model", OVERLAID)["results"]
    assert [run["state"] for run in found] == ["fresh", "fresh", "fresh", "missing"]
    assert found[-1]["like"] == before.as_posix()
    assert texts(found[-1]) == ["setting settings.objective.mask_rate: 0.65 → 0.4"]
    (report,) = why(project, "results/smoke/report.html", OVERLAID)["results"]
    key = "configuration.event_pretraining.pretrain.masked_type.objective.mask_rate"
    assert report["state"] == "stale"
    assert f"setting {key}: 0.65 → 0.4" in texts(report)
    told = project.prehep("why", "runs/pretrain_model", OVERLAID).stdout
    assert f"never made; the nearest is {before}" in told
    assert "setting settings.objective.mask_rate: 0.65 → 0.4" in told


def test_a_run_of_a_new_name_has_nothing_near(project: Project) -> None:
    configure(tracking_bert={"pretrain": {"new": {"objective": {"name": "mdm"}, "model": {}, "training": {}}}})(project)
    (evaluation,) = why(project, "new", OVERLAID)["results"]
    for result in (evaluation, *evaluation["inputs"]):
        assert (result["state"], result["like"], result["reasons"]) == ("missing", None, [])
    assert f"{evaluation['folder']} missing\n" in project.prehep("why", "new", OVERLAID).stdout


def test_an_edited_module_is_told_at_the_stage_that_reaches_it(project: Project) -> None:
    add_code("objectives/masked_type")(project)
    (sweep,) = why(project, "pretrained")["results"]
    assert (sweep["state"], texts(sweep)) == (
        "stale",
        [f"input {sweep['inputs'][0]['folder']} is made in another way now"],
    )
    (run,) = sweep["inputs"]
    (reason,) = run["reasons"]
    assert (reason["kind"], reason["subject"]) == ("code", "prehep.objectives.masked_type")
    assert reason["old"] != reason["new"]
    assert reason["text"] == f"module prehep.objectives.masked_type: {reason['old']} → {reason['new']}"
    assert why(project, "scratch_tuned", status=0)["results"][0]["reasons"] == []
    assert "module prehep.objectives.masked_type: " in project.prehep("status").stdout


def test_an_edited_command_and_script_are_told(project: Project) -> None:
    project.edit("rules/evaluate.smk", "{SCRIPTS:q}/evaluate_model", "-O {SCRIPTS:q}/evaluate_model")
    add_line("workflow_scripts/evaluate_model.py")(project)
    (command, script) = texts(why(project, "evaluate_model")["results"][0])
    assert command.startswith("command of the rule: ")
    assert script.startswith("workflow_scripts/evaluate_model.py: ")


def test_an_input_with_other_content_is_told_with_both_digests(project: Project) -> None:
    replace_pretraining(project)
    (sweep,) = why(project, "pretrained")["results"]
    (reason,) = sweep["reasons"]
    assert (reason["kind"], sweep["inputs"]) == ("input", [])
    assert reason["subject"] == project.find("runs/pretrain_model/masked_type-*").relative_to(project.folder).as_posix()
    assert reason["old"] != reason["new"]
    assert reason["text"] == f"input {reason['subject']}: {reason['old']} → {reason['new']}"


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_figure_says_what_it_shows_wherever_it_is(project: Project, tmp_path: Path, suffix: str) -> None:
    original = FIGURE.replace("png", suffix)
    copied = shutil.copy(project.folder / original, tmp_path / f"slide 7.{suffix}")
    tables = project.find("runs/aggregate_study/event_pretraining-*")
    folder = tables.relative_to(project.folder).as_posix()
    for path in (original, str(copied)):
        found = why(project, path, status=0)
        assert list(found["figure"]["inputs"]) == [folder]
        assert (found["figure"]["figure"], found["figure"]["current"]) == ("label_efficiency", True)
        assert [entry["stage"] for entry in found["results"]] == ["plot_label_efficiency"]
    assert "still so" in project.prehep("why", str(copied)).stdout
    replace_payload(tables, "facts.csv")
    found = why(project, str(copied))
    assert found["figure"]["current"] is False
    assert found["figure"]["present"][folder] != found["figure"]["inputs"][folder]
    shutil.rmtree(tables)
    assert "not here now" in project.prehep("why", str(copied)).stdout


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("mdm_acuracy", "mdm_acuracy is no job of this configuration; did you mean mdm_accuracy or plot_mdm_accuracy?"),
        ("results/smoke/figures/none.png", "is no job of this configuration"),
        ("../elsewhere", "is no job of this configuration"),
    ],
)
def test_an_unknown_target_is_refused_with_a_sentence(project: Project, target: str, said: str) -> None:
    result = project.prehep("why", target)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("prehep: ")
    assert said in result.stderr


@pytest.mark.parametrize("command", ["status", "why", "repair"])
def test_a_missing_configuration_file_is_named(project: Project, command: str) -> None:
    result = project.prehep(command, *(["smoke"] if command == "why" else []), "--configfile=none.yaml")
    assert result.returncode == 2
    assert "none.yaml does not exist" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_refuses_unknown_options(command: str) -> None:
    runner = CliRunner()
    told = runner.invoke(app, [command, "--help"])
    assert told.exit_code == 0
    assert len(told.stdout.splitlines()) > 5
    assert command in runner.invoke(app, ["--help"]).stdout
    assert runner.invoke(app, [command, "--nothing"]).exit_code == 2


@given(SETTINGS, SETTINGS)
def test_settings_differ_exactly_if_their_text_does(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert bool(changed_settings(old, new)) == (json.dumps(old) != json.dumps(new))
    assert changed_settings(old, json.loads(json.dumps(old))) == []


@given(SETTINGS, SETTINGS)
def test_a_changed_setting_is_the_only_one_told(settings: dict[str, Any], inner: dict[str, Any]) -> None:
    old = {**settings, "section": {**inner, "key": 1}}
    new = {**settings, "section": {**inner, "key": None}}
    assert changed_settings(old, new) == [Reason("setting", "section.key", "1", "null")]
    del new["section"]["key"]
    assert changed_settings(old, new) == [Reason("setting", "section.key", "1", None)]
    assert [str(reason) for reason in changed_settings(new, old)] == ["setting section.key: absent → 1"]


def test_another_order_is_a_difference() -> None:
    old, new = {"runs": {"a": 1, "b": 2}}, {"runs": {"b": 2, "a": 1}}
    assert [str(reason) for reason in changed_settings(old, new)] == ["setting runs: a, b → b, a"]
