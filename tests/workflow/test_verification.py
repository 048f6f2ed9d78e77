"""Results computed again: what is identical, what is not, what cannot be verified."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from running import SMOKE, Project, Snakemake, copy_workflow

from prehep.core.digests import digest_file
from prehep.core.manifest import MANIFEST, RUN_INFO
from prehep.workflow.planning import ConfiguredPlan, load_plan
from prehep.workflow.verification import Verdict, command_of, verify

LIMIT_SECONDS = 120.0


def verified(project: Project, *arguments: str, status: int) -> dict[str, dict[str, Any]]:
    """Call `prehep verify --json` and return the verdicts by folder."""
    result = project.prehep("verify", "--json", *arguments)
    assert result.returncode == status, result.stdout + result.stderr
    return {verdict["run"]: verdict for verdict in json.loads(result.stdout)}


def contents(project: Project) -> dict[str, str]:
    """Return the hash of everything that a run leaves."""
    folders = ("data", "tokens", "runs", "results", "train_state", "logs", "provenance", ".prehep")
    paths = [path for name in folders for path in (project.folder / name).rglob("*") if path.is_file()]
    return {path.relative_to(project.folder).as_posix(): digest_file(path) for path in paths}


def falsify(path: Path, name: str) -> None:
    """Make the manifest agree with a payload that was changed."""
    manifest = json.loads((path / MANIFEST).read_text())
    payload = path / name
    manifest["payloads"][name] |= {"size": payload.stat().st_size, "sha256": digest_file(payload)}
    (path / MANIFEST).write_text(json.dumps(manifest))


def test_commands_are_those_of_the_rules(snakemake: Snakemake, tmp_path: Path) -> None:
    result = snakemake("--dry-run", "--printshellcmds", *SMOKE)
    assert result.returncode == 0, result.stderr
    lines = re.findall(r"Shell command: (.*workflow_scripts.*)", result.stdout)
    folder = tmp_path / "workflow"
    plan = load_plan([folder / "config" / "smoke.yaml"], folder)
    assert len(lines) == len(plan.jobs)
    assert {options(shlex.split(line)) for line in lines} == {options(command_of(job, plan)) for job in plan}


def options(command: list[str]) -> frozenset[tuple[str, str]]:
    """Return what decides the result of a command: program, script and options, but for an empty source.

    The number of cores does not; results are verified with one.
    """
    named = dict(zip(command[2::2], command[3::2], strict=True))
    del named["--log"]
    named.pop("--cores", None)
    return frozenset({("program", command[0]), ("script", command[1]), ("--source", "{}"), *named.items()})


def test_finished_results_are_identical_and_nothing_changes(project: Project) -> None:
    before = contents(project)
    targets = (
        "check_quality",
        "runs/pretrain_model/bert_token-*",
        "scratch_tuned",
        "mdm_accuracy.png",
        "results/smoke",
    )
    found = verified(project, *(_expanded(project, target) for target in targets), "tracks_ttbar.000", status=0)
    assert {verdict["stage"] for verdict in found.values()} == {
        "simulate_tracks",
        "check_quality",
        "pretrain_model",
        "finetune_sweep",
        "plot_mdm_accuracy",
        "build_report",
    }
    for verdict in found.values():
        assert verdict["payloads"]
        assert all(payload["identical"] for payload in verdict["payloads"].values())
        assert verdict["surroundings"] == []
    after = contents(project)
    after.pop(".prehep/verified.json", None)
    before.pop(".prehep/verified.json", None)
    assert after == before


def _expanded(project: Project, target: str) -> str:
    return project.find(target).relative_to(project.folder).as_posix() if "*" in target else target


def test_falsified_payload_is_found_though_its_manifest_agrees(project: Project) -> None:
    tokens = project.find("tokens/tracks_gun-*")
    pt = np.load(tokens / "pt.npy")
    pt[3] += 0.25
    np.save(tokens / "pt.npy", pt)
    falsify(tokens, "pt.npy")
    (verdict,) = verified(project, tokens.name, status=1).values()
    unequal = {name: found for name, found in verdict["payloads"].items() if not found["identical"]}
    assert list(unequal) == ["pt.npy"]
    assert unequal["pt.npy"]["absolute"] == pytest.approx(0.25, rel=1e-3)
    assert unequal["pt.npy"]["unlike"] == ""
    verified(project, tokens.name, "--tolerance", "0.3", status=0)
    shown = project.prehep("verify", tokens.name, "--tolerance", "0.01")
    assert shown.returncode == 1
    assert "pt.npy: within 0." in shown.stdout
    assert "8 files identical" in shown.stdout


def test_what_cannot_be_verified_is_said_with_what_to_do(project: Project) -> None:
    missing, corrupt, starved, misled = (
        project.find(f"data/quality/{name}-*")
        for name in ("tracks_gun", "tracks_ttbar", "signal_2hdm", "background_ttbar")
    )
    (missing / MANIFEST).unlink()
    (missing / "quality.json").unlink()
    (corrupt / "quality.json").write_text("{}")
    (project.find("data/signal_2hdm-*") / MANIFEST).unlink()
    for path in project.find("data/signal_2hdm-*").iterdir():
        path.unlink()
    content = bytearray((project.find("data/background_ttbar-*") / "events.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (project.find("data/background_ttbar-*") / "events.parquet").write_bytes(bytes(content))
    with (project.folder / "src/prehep/stages/plot_figure.py").open("a") as stream:
        stream.write("\nEDITED = True\n")
    found = verified(project, "check_quality", "plot_mdm_accuracy", status=1)
    problems = {Path(run).name: verdict["problem"] for run, verdict in found.items() if not verdict["holds"]}
    assert "is not there; run snakemake" in problems[missing.name]
    assert "prehep repair" in problems[corrupt.name]
    assert "input data/signal_2hdm-" in problems[starved.name]
    assert "prehep restore" in problems[starved.name]
    assert "prehep repair" in problems[misled.name]
    assert "is stale" in problems["mdm_accuracy"]
    assert "prehep.stages.plot_figure" in problems["mdm_accuracy"]
    assert len(problems) == 5
    assert not list(project.folder.glob(".prehep/verify-*"))


def test_other_platform_and_versions_are_said(project: Project) -> None:
    folder = project.find("data/quality/tracks_gun-*")
    info = json.loads((folder / RUN_INFO).read_text())
    info |= {"platform": "Elsewhere", "versions": {**info["versions"], "numpy": "1.0"}, "host": "other"}
    (folder / RUN_INFO).write_text(json.dumps(info))
    (verdict,) = verified(project, folder.name, status=0).values()
    assert [text.partition(" →")[0] for text in verdict["surroundings"]] == ["platform: Elsewhere", "numpy: 1.0"]


def test_unknown_target_is_misuse(project: Project) -> None:
    result = project.prehep("verify", "check_qualtiy")
    assert result.returncode == 2
    assert "did you mean check_quality?" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_leaves_nothing(project: Project, number: signal.Signals) -> None:
    before = contents(project)
    # a shell that runs the tests in the background has it ignored, and processes inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "prehep", "verify", *SMOKE, "pretrain_model"],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(project.folder / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + LIMIT_SECONDS
    while not list(project.folder.glob(".prehep/verify-*/logs")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(LIMIT_SECONDS) != 0
    assert not list(project.folder.glob(".prehep/verify-*"))
    assert {path: digest for path, digest in contents(project).items() if not path.startswith(".prehep")} == before


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ConfiguredPlan, Path]:
    """Return the plan of a project with one fetched file, and the file at its address."""
    address = tmp_path / "published.root"
    address.write_bytes(b"as published")
    folder = copy_workflow(tmp_path / "workflow")
    entry = yaml.safe_load((folder / "config/datasets/cms_dimuon.yaml").read_text())
    entry["files"] = [{"url": address.as_uri(), "name": "published.root"}]
    (folder / "config/datasets/local.yaml").write_text(yaml.safe_dump(entry))
    (folder / "config/local.yaml").write_text("extra_datasets: [local]\n")
    monkeypatch.chdir(folder)
    plan = load_plan([Path("config/local.yaml")])
    (job,) = plan.of("fetch_file")
    subprocess.run(command_of(job, plan), check=True)
    return plan, address


def test_file_is_fetched_again_from_its_address(fetched: tuple[ConfiguredPlan, Path]) -> None:
    plan, address = fetched
    assert one(verify(plan, ["fetch_file"])).holds()
    address.write_bytes(b"as it is now")
    verdict = one(verify(plan, ["fetch_file"]))
    assert not verdict.holds(1.0)
    assert "published.root" in verdict.problem
    address.unlink()
    assert "published.root" in one(verify(plan, ["fetch_file"])).problem
    assert not list(Path(".prehep").glob("verify-*"))


def test_code_edited_meanwhile_is_no_verdict_on_the_result(fetched: tuple[ConfiguredPlan, Path]) -> None:
    plan, _ = fetched
    verdicts = verify(plan, ["fetch_file"])
    script = Path("workflow_scripts/fetch_file.py")
    script.write_text(script.read_text() + "\nEDITED = True\n")
    assert "changed while it was recomputed" in one(verdicts).problem


def one(verdicts: Any) -> Verdict:
    """Return the only verdict."""
    (verdict,) = verdicts
    assert isinstance(verdict, Verdict)
    return verdict
