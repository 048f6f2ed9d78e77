"""Snakemake's records: they travel in one file, fit what they describe, and agree with the manifests."""

import json
import shutil
from pathlib import Path

import pytest
from running import ROOT, snakemake_in
from snakemake.persistence import RECORD_FORMAT_VERSION

from prehep.workflow.planning import ConfiguredPlan, load_plan
from prehep.workflow.records import EXPORTED, IMPORTED, OUTDATED, Records, export_records, import_records, reconcile
from prehep.workflow.status import JobStatus, State

DEEP = "/".join(["a folder of a long name, ä"] * 9)
"""Longer than a file name may be, in base 64."""
SNAKEFILE = """
rule make:
    output: "runs/x-1/manifest.json", "runs/x-1/FOLDER/payload"
    params: setting=1
    shell: "for name in {output:q}; do echo made > \\"$name\\"; done"
"""
TARGETS = {"runs/x-1/manifest.json", f"runs/x-1/{DEEP}/payload"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which Snakemake made a payload and a manifest."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "Snakefile").write_text(SNAKEFILE.replace("FOLDER", DEEP))
    result = snakemake_in(folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of it with exported records."""
    shutil.copytree(finished, tmp_path / "project")
    assert export_records(tmp_path / "project") == len(TARGETS)
    return tmp_path / "project"


def test_records_are_those_of_snakemake(finished: Path) -> None:
    records = Records(finished)
    assert set(records.targets()) == TARGETS
    for target in TARGETS:
        record = records.read(target)
        assert record is not None
        assert (record["rule"], record["params"]) == ("make", ["1"])
    assert records.read("runs/x-1/other") is None


@pytest.mark.parametrize("length", [1, 170, 186, 189, 190, 192, 381, 400])
def test_a_record_is_kept_for_a_path_of_any_length(tmp_path: Path, length: int) -> None:
    records, target = Records(tmp_path), "x" * length
    records.write(target, {"rule": "make"})
    assert list(records.targets()) == [target]
    assert records.read(target) == {"rule": "make"}
    records.remove(target)
    assert records.read(target) is None


def test_a_clone_has_nothing_to_do_and_sees_what_changed(folder: Path) -> None:
    before = {target: {**(Records(folder).read(target) or {}), "shellcmd": None} for target in TARGETS}
    shutil.rmtree(folder / ".snakemake")
    assert import_records(folder) == len(TARGETS)
    after = {target: {"shellcmd": None, **(Records(folder).read(target) or {})} for target in TARGETS}
    assert after == before, "all but the command, which holds paths of this machine"
    result = snakemake_in(folder, "--dry-run")
    assert "Nothing to be done" in result.stdout + result.stderr
    (folder / "Snakefile").write_text((folder / "Snakefile").read_text().replace("setting=1", "setting=2"))
    assert "Params have changed" in snakemake_in(folder, "--dry-run").stdout


def test_an_import_is_done_once(folder: Path) -> None:
    assert import_records(folder) == 0
    (folder / IMPORTED).unlink()
    assert import_records(folder) == 0, "what Snakemake knows better is kept"
    (folder / IMPORTED).unlink()
    for target in TARGETS:
        Records(folder).remove(target)
    assert import_records(folder) == len(TARGETS)
    for target in TARGETS:
        Records(folder).remove(target)
    assert import_records(folder) == 0


def test_a_record_of_another_version_is_not_imported(folder: Path) -> None:
    shutil.rmtree(folder / ".snakemake")
    (folder / "runs/x-1/manifest.json").write_text("remade")
    assert import_records(folder) == 0
    assert list(Records(folder).targets()) == []


def test_a_record_of_a_deleted_file_is_neither_imported_nor_exported(folder: Path) -> None:
    (folder / "runs/x-1" / DEEP / "payload").unlink()
    assert export_records(folder) == 1
    assert [json.loads(line)["target"] for line in (folder / EXPORTED).read_text().splitlines()] == [
        "runs/x-1/manifest.json"
    ]
    shutil.rmtree(folder / ".snakemake")
    assert import_records(folder) == 1


def test_an_export_is_sorted_and_equal_for_equal_records(folder: Path) -> None:
    first = (folder / EXPORTED).read_text()
    assert [json.loads(line)["target"] for line in first.splitlines()] == sorted(TARGETS)
    export_records(folder)
    assert (folder / EXPORTED).read_text() == first


def test_without_records_an_export_is_left_alone(folder: Path) -> None:
    before = (folder / EXPORTED).read_text()
    shutil.rmtree(folder / ".snakemake")
    assert export_records(folder) == 0
    assert (folder / EXPORTED).read_text() == before


@pytest.fixture(scope="module")
def plan() -> ConfiguredPlan:
    """Return the plan of the smoke configuration."""
    return load_plan([ROOT / "config/smoke.yaml"], ROOT)


def expected(plan: ConfiguredPlan) -> list[str]:
    """Return what Snakemake would record of the first job."""
    return sorted(repr(value) for value in plan.parameters(next(iter(plan))).values())


@pytest.mark.parametrize(
    ("state", "known", "left"),
    [
        (State.STALE, None, "outdated"),
        (State.STALE, "expected", "outdated"),
        (State.STALE, "other", "other"),
        (State.FRESH, "other", "expected"),
        (State.FRESH, "outdated", "expected"),
        (State.FRESH, None, None),
        (State.CORRUPT, "other", "other"),
        (State.MISSING, "expected", "expected"),
    ],
)
def test_records_come_to_agree_with_manifests(
    plan: ConfiguredPlan, tmp_path: Path, state: State, known: str | None, left: str | None
) -> None:
    job, records = next(iter(plan)), Records(tmp_path)
    parameters = {"expected": expected(plan), "outdated": OUTDATED, "other": ["'of another day'"]}
    if known:
        record = {"rule": job.rule, "params": parameters[known], "record_format_version": RECORD_FORMAT_VERSION}
        records.write(job.manifest, record)
    reconcile(plan, [JobStatus(job, state)], tmp_path)
    found = records.read(job.manifest)
    assert (found and found["params"]) == (left and parameters[left])
    if known and found:
        assert found["rule"] == job.rule
    export_records(tmp_path)
    assert not (tmp_path / EXPORTED).exists(), "no file is here that a record could describe"


@pytest.mark.parametrize(("state", "left"), [(State.STALE, "outdated"), (State.FRESH, "expected")])
def test_records_of_an_earlier_snakemake_are_renewed(
    plan: ConfiguredPlan, tmp_path: Path, state: State, left: str
) -> None:
    job, records = next(iter(plan)), Records(tmp_path)
    old = {"params": ["'of another day'"], "record_format_version": RECORD_FORMAT_VERSION - 1}
    records.write(job.manifest, old)
    reconcile(plan, [JobStatus(job, state)], tmp_path)
    wanted = {"outdated": OUTDATED, "expected": expected(plan)}[left]
    assert records.read(job.manifest) == {"params": wanted, "record_format_version": RECORD_FORMAT_VERSION}


def test_finished_job_of_a_killed_snakemake_counts_as_finished(plan: ConfiguredPlan, tmp_path: Path) -> None:
    job, records = next(iter(plan)), Records(tmp_path)
    records.write(job.manifest, {"params": expected(plan), "record_format_version": RECORD_FORMAT_VERSION})
    (written,) = [path for path in records.folder.rglob("*") if path.is_file()]
    mark = tmp_path / ".snakemake" / "incomplete" / written.relative_to(records.folder)
    for state, remains in ((State.MISSING, True), (State.STALE, True), (State.FRESH, False)):
        mark.touch()
        reconcile(plan, [JobStatus(job, state)], tmp_path)
        assert mark.exists() == remains
