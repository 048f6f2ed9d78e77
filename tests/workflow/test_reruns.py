"""Runs after edits, failures and kills: what is done stays done."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from edits import OVERLAY, add_code, clone, configure, delete, edit_code, events
from pytest_httpserver import HTTPServer
from running import Project
from smoke_jobs import affected, jobs

pytestmark = pytest.mark.slow
WITH_OVERLAY = ("--configfile", "config/smoke.yaml", OVERLAY)
SERVED = """
source: files
content: events
reader: nanoaod
origin: cms_simulation
files:
"""


def run(project: Project, *arguments: str) -> None:
    """Run Snakemake, which must succeed."""
    done = project.snakemake(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def fits(project: Project, model: str) -> tuple[int, int]:
    """Return how many fits the last run of a sweep computed and how many it found."""
    info = json.loads((project.find(f"runs/finetune_sweep/{model}-*") / "run_info.json").read_text())
    return info["fits_computed"], info["fits_kept"]


def start(project: Project, *arguments: str) -> subprocess.Popen[bytes]:
    """Start Snakemake in a process group of its own."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--resources", "gpu=1", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(project.folder / "src")}
    silent: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=project.folder, env=environment, start_new_session=True, **silent)


def wait_for(project: Project, pattern: str, running: subprocess.Popen[bytes]) -> None:
    """Wait until a file is there that a running process makes."""
    while not list(project.folder.glob(pattern)):
        assert running.poll() is None, f"it ended without {pattern}"
        time.sleep(0.05)


def test_fits_are_found_again_after_a_reverted_edit(project: Project) -> None:
    computed, kept = fits(project, "pretrained")
    add_code("stages/pretrained_encoder")(project)
    run(project, "--until", "finetune_sweep")
    assert fits(project, "pretrained") == (computed, kept) == (computed, 0)
    edit_code("stages/pretrained_encoder", "EDITED = True\n", "")(project)
    assert project.planned() == affected("finetune_sweep pretrained")
    run(project, "--until", "finetune_sweep")
    assert fits(project, "pretrained") == (0, computed)
    assert project.planned() == set()


def test_a_killed_run_goes_on_and_the_way_back_computes_nothing(project: Project) -> None:
    events(pretrain={"masked_type": {"objective": {"mask_rate": 0.4}}})(project)
    running = start(project, *WITH_OVERLAY)
    wait_for(project, "runs/evaluate_model/masked_type-*/.partial-*", running)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    rest = affected("pretrain_model masked_type") - jobs("pretrain_model masked_type")
    sweep = jobs("finetune_sweep pretrained")  # shares the GPU slot with the evaluation: done before it or not
    assert rest - sweep <= project.planned(*WITH_OVERLAY) <= rest
    run(project, "--unlock")
    run(project, *WITH_OVERLAY)
    assert project.planned(*WITH_OVERLAY) == set()
    assert project.planned() == affected("plot_label_efficiency *", "plot_object_distributions *", "plot_training_*")


def test_what_succeeded_before_a_failure_is_not_lost(project: Project, tmp_path: Path) -> None:
    edit_code("figures/style", "WIDTH = 7.6", "WIDTH = 7.5")(project)
    edit_code("figures/module_distance", "    return figure\n", "    raise ValueError\n")(project)
    assert project.snakemake("--keep-going").returncode == 1
    for found in (clone(project, tmp_path / "clone"), project):
        assert found.planned() == affected("plot_module_distance *")
        edit_code("figures/module_distance", "    raise ValueError\n", "    return figure\n")(found)
        assert found.planned() == affected("plot_module_distance *")


def test_an_input_that_is_made_again_reruns_only_what_was_edited(project: Project) -> None:
    delete("tokens/tracks_gun-*")(project)
    edit_code("evaluation/ngram", "REACH = 3", "REACH = 2 + 1")(project)
    run(project, "--until", "train_baseline")
    assert project.planned() == affected("aggregate_study tracking_bert")


def test_a_new_file_of_a_dataset_is_fetched_and_no_other(project: Project, httpserver: HTTPServer) -> None:
    names = ("signal_2hdm", "background_ttbar")
    for name in names:
        content = project.find(f"data/shards/{name}.000-*/events.root").read_bytes()
        httpserver.expect_request(f"/{name}.root").respond_with_data(content)
    entries = [f"- {{url: '{httpserver.url_for(f'/{name}.root')}', name: {name}.root}}\n" for name in names]
    dataset = project.folder / "config/datasets/mine.yaml"
    dataset.write_text(SERVED + entries[0])
    configure(extra_datasets=["mine"])(project)
    follow = {"ingest_events mine", "check_quality mine", "build_report smoke"}
    assert project.planned(*WITH_OVERLAY) == {"fetch_file mine.signal_2hdm.root", *follow}
    run(project, *WITH_OVERLAY)
    dataset.write_text(SERVED + "".join(entries))
    assert project.planned(*WITH_OVERLAY) == {"fetch_file mine.background_ttbar.root", *follow}
    run(project, *WITH_OVERLAY)
    assert project.planned(*WITH_OVERLAY) == set()
    assert len(httpserver.log) == len(names)
