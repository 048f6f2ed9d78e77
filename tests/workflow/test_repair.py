"""Clearing damaged results: what is removed, what is not, and what is planned then."""

from pathlib import Path

import pytest
from running import ROOT

from prehep.core.errors import ExecutionError
from prehep.core.manifest import MANIFEST, RUN_INFO, publish
from prehep.core.specification import StageSpec
from prehep.workflow.freshness import Freshness, read_cleared
from prehep.workflow.jobs import Job
from prehep.workflow.planning import ConfiguredPlan, load_plan
from prehep.workflow.repair import clear
from prehep.workflow.status import JobStatus, State, survey


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfiguredPlan:
    """Return the plan of the smoke configuration, in a folder without results."""
    monkeypatch.chdir(tmp_path)
    return load_plan([ROOT / "config/smoke.yaml"], ROOT)


def finish(plan: ConfiguredPlan, rule: str) -> Job:
    """Finish the first job of a rule and what it needs, with files of no meaning."""
    job = plan.of(rule)[0]
    finish_alone(plan, job)
    return job


def finish_alone(plan: ConfiguredPlan, job: Job) -> None:
    for upstream in job.upstream:
        if not Path(upstream.manifest).is_file():
            finish_alone(plan, upstream)
    spec = StageSpec(output=job.folder, planned=job.spec, code=plan.code(job))
    inputs = [upstream.folder for upstream in job.upstream]
    with publish(job.folder, spec, stage=job.rule, code=spec.code, inputs=inputs) as publication:
        for name in job.files or ("undeclared.csv",):
            publication.payload(name).write_text(name)


def state(plan: ConfiguredPlan, job: Job) -> JobStatus:
    return survey(plan)[job.manifest]


@pytest.mark.parametrize("rule", ["tokenize_tracks", "simulate_tracks"])
def test_lost_manifest_is_damage_and_is_cleared(plan: ConfiguredPlan, rule: str) -> None:
    job = finish(plan, rule)
    assert state(plan, job).state is State.FRESH
    Path(job.manifest).unlink()
    found = state(plan, job)
    assert found.state is State.CORRUPT
    assert "manifest.json is missing beside" in str(found.reasons[0])
    clear([job])
    assert not list(job.folder.iterdir())
    assert state(plan, job).state is State.MISSING
    assert job.manifest in Freshness(plan).targets


def test_a_folder_in_the_place_of_a_file_is_cleared(plan: ConfiguredPlan) -> None:
    job = finish(plan, "tokenize_tracks")
    payload = Path(job.payloads[0])
    payload.unlink()
    (payload / "inside").mkdir(parents=True)
    assert state(plan, job).state is State.CORRUPT
    clear([job])
    assert not list(job.folder.iterdir())


def test_a_damaged_manifest_clears_nothing_elsewhere(plan: ConfiguredPlan) -> None:
    job = finish(plan, "tokenize_tracks")
    other = Path("precious.txt")
    other.write_text("mine")
    Path(job.manifest).write_text("{")
    (job.folder / RUN_INFO).write_text('{"payloads": ["../../precious.txt", "tokens.npy"]}')
    clear([job])
    assert other.read_text() == "mine"
    assert not (job.folder / MANIFEST).exists()


def test_nothing_is_cleared_while_snakemake_runs(plan: ConfiguredPlan) -> None:
    job = finish(plan, "tokenize_tracks")
    lock = Path(".snakemake/locks/0.input.lock")
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(ExecutionError, match="snakemake is at work here"):
        clear([job])
    assert state(plan, job).state is State.FRESH
    assert read_cleared(Path()) == []


def test_damage_alone_makes_nothing_run_but_a_change_upstream_does(plan: ConfiguredPlan) -> None:
    job = finish(plan, "tokenize_tracks")
    Path(job.payloads[0]).write_text("short")
    found = Freshness(plan)
    assert (found.is_settled(job), found.is_whole(job)) == (True, True)
    Path(job.payloads[0]).unlink()
    found = Freshness(plan)
    assert (found.is_settled(job), found.is_whole(job)) == (True, False)
    data = job.upstream[0]
    with publish(data.folder, StageSpec(output=data.folder, planned={"other": 1}), stage=data.rule) as publication:
        for name in data.files:
            publication.payload(name).write_text(name)
    assert not Freshness(plan).is_settled(job)
    Path(job.manifest).unlink()
    assert not Freshness(plan).is_settled(job), "without a manifest its inputs decide"


def test_finished_run_forgets_what_was_cleared(plan: ConfiguredPlan) -> None:
    job = finish(plan, "tokenize_tracks")
    clear([job])
    assert read_cleared(Path()) == [job.manifest]
    finish_alone(plan, job)
    Freshness(plan).finish()
    assert read_cleared(Path()) == []
