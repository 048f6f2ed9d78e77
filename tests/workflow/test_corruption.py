"""Damaged results: found, refused by whoever reads them, cleared, and made again as they were."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from running import SMOKE, Project
from smoke_jobs import jobs, name_of

from prehep.core.digests import digest_file
from prehep.core.manifest import MANIFEST
from prehep.workflow.planning import load_plan
from prehep.workflow.verification import command_of


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flip_unseen(path: Path) -> None:
    """Change one byte and leave the times as they were, as a bad disk does."""
    state = path.stat()
    flip(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def truncate(path: Path) -> None:
    """Cut the second half off."""
    os.truncate(path, path.stat().st_size // 2)


UNSEEN = "finetune_sweep scratch_tuned"
DAMAGES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "pretrain_model masked_type": (
        "runs/pretrain_model/masked_type-*/encoder.safetensors",
        flip,
        "finetune_sweep pretrained",
    ),
    "tokenize_tracks tracks_gun": ("tokens/tracks_gun-*/tokens.npy", flip, "train_baseline ngram"),
    "ingest_events pseudo_data": (f"data/pseudo_data-*/{MANIFEST}", Path.unlink, "check_quality pseudo_data"),
    "ingest_events signal_2hdm": ("data/signal_2hdm-*/events.parquet", truncate, "check_quality signal_2hdm"),
    "ingest_tracks tracks_ttbar": (f"data/tracks_ttbar-*/{MANIFEST}", truncate, "check_quality tracks_ttbar"),
    "pretrain_model bert_token": (
        "runs/pretrain_model/bert_token-*/history.csv",
        Path.unlink,
        "aggregate_study tracking_bert",
    ),
    "plot_mdm_accuracy smoke": ("results/smoke/figures/mdm_accuracy/mdm_accuracy.png", flip, "build_report smoke"),
    UNSEEN: ("runs/finetune_sweep/scratch_tuned-*/scores.csv", flip_unseen, "aggregate_study event_pretraining"),
}
"""Job whose result is damaged, the file, what happens to it, and a job that reads the file."""


@pytest.fixture(scope="module")
def damaged(smoke_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with every damage, each in a result of its own; do not change it."""
    project = smoke_run.copy(tmp_path_factory.mktemp("damaged") / "project")
    for pattern, damage, _ in DAMAGES.values():
        damage(project.find(pattern))
    return project


def states(project: Project, *arguments: str) -> dict[str, tuple[str, str]]:
    """Return the state and the reasons of every result that is not fresh."""
    result = project.prehep("status", "--json", *arguments)
    found = {name_of(entry): entry for entry in json.loads(result.stdout) if entry["state"] != "fresh"}
    assert result.returncode == bool(found), result.stderr
    return {
        name: (entry["state"], "; ".join(reason["text"] for reason in entry["reasons"]))
        for name, entry in found.items()
    }


def contents(project: Project) -> dict[str, str]:
    """Return the hash of every file of all results but for records of the run itself."""
    paths = [path for name in ("data", "tokens", "runs", "results") for path in (project.folder / name).rglob("*")]
    lasting = [path for path in paths if path.is_file() and path.name != "run_info.json"]
    return {path.relative_to(project.folder).as_posix(): digest_file(path) for path in lasting}


def times(project: Project) -> dict[str, int]:
    """Return when each file changed."""
    return {str(path): path.stat().st_mtime_ns for path in project.folder.rglob("*") if path.is_file()}


def test_status_names_what_size_and_time_betray(damaged: Project) -> None:
    found = states(damaged)
    assert found.keys() == DAMAGES.keys() - {UNSEEN}
    for name, (state, reason) in found.items():
        assert state == "corrupt"
        assert Path(DAMAGES[name][0]).name in reason


def test_deep_status_names_everything(damaged: Project) -> None:
    found = states(damaged, "--deep")
    assert found.keys() == DAMAGES.keys()
    assert found[UNSEEN][0] == "corrupt"
    assert "scores.csv has sha256" in found[UNSEEN][1]


def test_snakemake_plans_nothing_and_says_what_to_do(damaged: Project) -> None:
    result = damaged.snakemake("--dry-run")
    said = result.stdout + result.stderr
    assert "Nothing to be done" in said
    (warning,) = re.findall("results are damaged in (.*); run prehep repair, then snakemake.", said)
    seen = [pattern for pattern, damage, _ in DAMAGES.values() if damage is not flip_unseen]
    assert set(warning.split(", ")) == {
        (damaged.find(str(Path(pattern).parent))).relative_to(damaged.folder).as_posix() for pattern in seen
    }


@pytest.mark.parametrize("name", DAMAGES)
def test_a_stage_refuses_what_is_damaged(damaged: Project, name: str) -> None:
    pattern, _, reader = DAMAGES[name]
    plan = load_plan([damaged.folder / SMOKE[1]], damaged.folder)
    rule, _, reading = reader.partition(" ")
    (job,) = [job for job in plan.of(rule) if job.name == reading]
    before = contents(damaged)
    environment = {**os.environ, "PYTHONPATH": str(damaged.folder / "src")}
    done = subprocess.run(
        command_of(job, plan), cwd=damaged.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert Path(pattern).name in done.stderr
    assert done.stderr.endswith("run prehep repair, then snakemake.\n")
    assert contents(damaged) == before


def test_repair_clears_just_that_and_the_next_run_makes_it_as_it_was(
    damaged: Project, smoke_run: Project, tmp_path: Path
) -> None:
    project = damaged.copy(tmp_path / "project")
    before = contents(project)
    cleared = project.prehep("repair", "--json")
    assert cleared.returncode == 1
    assert {name_of(entry) for entry in json.loads(cleared.stdout)} == jobs(*DAMAGES)
    folders = {str(Path(entry["run"])) for entry in json.loads(cleared.stdout)}
    left = contents(project)
    assert left == {path: found for path, found in before.items() if str(Path(path).parent) not in folders}
    assert {name: state for name, (state, _) in states(project).items()} == dict.fromkeys(DAMAGES, "missing")
    assert project.planned() == jobs(*DAMAGES)
    done = project.snakemake()
    assert done.returncode == 0, done.stderr
    assert contents(project) == contents(smoke_run)
    assert states(project, "--deep") == {}
    assert project.planned() == set()


def test_repair_of_sound_results_touches_nothing(project: Project) -> None:
    before = times(project)
    result = project.prehep("repair")
    assert (result.returncode, result.stdout) == (0, "Nothing is damaged.\n")
    after = times(project)
    assert {path: changed for path, changed in after.items() if "/.prehep/" not in path} == before


def test_a_dry_repair_only_tells(damaged: Project) -> None:
    before = contents(damaged)
    result = damaged.prehep("repair", "--dry-run")
    assert result.returncode == 1
    assert result.stdout.count("would clear ") == len(DAMAGES)
    assert contents(damaged) == before
