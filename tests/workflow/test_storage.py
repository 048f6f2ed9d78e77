"""Versions of the results: a snapshot in one clone, restored in another, through a folder and through S3."""

import contextlib
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from running import PARTS, ROOT, STORED, Project, copy_workflow
from typer.testing import CliRunner

from prehep.cli import app
from prehep.core.digests import digest_file
from prehep.core.errors import CorruptPayloadError, StorageError, TargetError
from prehep.core.manifest import Input, Manifest, Payload, read_manifest
from prehep.core.settings import merge
from prehep.workflow.jobs import Job, Plan
from prehep.workflow.planning import load_plan
from prehep.workflow.storage import Snapshot, restore, snapshot

PAGE = (ROOT / "docs/storage.md").read_text()
FOLDER = "/mnt/storage/prehep"
SERVER = "https://s3.example.org"
FIGURE = "results/default/figures/label_efficiency/label_efficiency.png"
BRANCH = {
    "finetune_sweep pretrained",
    "aggregate_study event_pretraining",
    "plot_label_efficiency smoke",
    "plot_object_distributions smoke",
    "plot_training_curves smoke",
    "build_report smoke",
}
TABLES = {
    "metrics.json": '{{"event_pretraining": {{"auc": {{"pretrained": {{"64": {value}}}}}}}}}',
    "tables/label_summary.csv": "model,n_labels,mean\npretrained,64,{value}\n",
    "tables/mdm_accuracy.csv": "sample,model,input,position,exact_accuracy\ntracks_gun,ngram,masked,all,{value}\n",
}


@pytest.fixture(autouse=True, scope="module")
def environment() -> Iterator[None]:
    """Let Git commit without settings of the user, and DVC find Snakemake and the pretended S3."""
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "tester")
            patch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
        for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "us-east-1")):
            patch.setenv(f"AWS_{name}", value)
        yield


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return the plan of a fresh repository in the working directory, small and called as the default one."""
    monkeypatch.chdir(_start_repository(copy_workflow(tmp_path / "origin", (*PARTS, *STORED, "src"))))
    return load_plan()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository in which made-up results of every job were stored; do not change it."""
    base = tmp_path_factory.mktemp("stored")
    folder = _start_repository(copy_workflow(base / "origin", (*PARTS, *STORED, "src")))
    with contextlib.chdir(folder):
        _finish(load_plan())
    told = [_run(folder, *command) for command in _documented("Store", FOLDER, base / "store")]
    assert "complete: data, tokens, checkpoints, results" in told[2]
    assert "Pushed to the default remote" in told[2]
    assert _git(folder, "status", "--porcelain") == ""
    return folder


@pytest.fixture
def clone(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return the plan of a fresh clone of that repository, in the working directory."""
    monkeypatch.chdir(_clone(origin, tmp_path / "clone"))
    return load_plan()


@pytest.fixture(scope="module")
def finished(smoke_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a repository in which the results of a real run were stored; do not change it."""
    base = tmp_path_factory.mktemp("finished")
    project = smoke_run.copy(base / "project")
    _start_repository(project.folder, "smoke")
    for command in _documented("Store", FOLDER, base / "store")[:2]:
        _run(project.folder, *command)
    taken = project.prehep("snapshot")
    assert taken.returncode == 0, taken.stderr
    assert "complete: data, tokens, checkpoints, results" in taken.stdout
    assert "Pushed to the default remote" in taken.stdout
    _commit(project.folder)
    return project


@pytest.fixture
def s3() -> Iterator[str]:
    """Return the address of an S3 server with an empty bucket, that of the page."""
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="bucket")
    yield address
    server.stop()


def _start_repository(folder: Path, name: str = "default") -> Path:
    """Commit everything, with the smoke configuration as the one that the commands in dvc.yaml run."""
    default, smoke = (yaml.safe_load((folder / "config" / file).read_text()) for file in ("config.yaml", "smoke.yaml"))
    values = merge(merge(default, smoke), {"name": name})
    (folder / "config/config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    _git(folder, "init", "--quiet", "--initial-branch", "main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "start")
    return folder


def _documented(heading: str, place: str = "", ours: object = "") -> list[list[str]]:
    """Return the commands of a section of docs/storage.md, with a place of ours for the one that it names."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    assert place in section
    blocks = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line.replace(place, str(ours)) if place else line) for line in "".join(blocks).splitlines()]


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _git(folder: Path, *arguments: str) -> str:
    return _run(folder, "git", *arguments)


def _dvc(folder: Path, *arguments: str) -> str:
    return _run(folder, sys.executable, "-m", "dvc", *arguments)


def _commit(folder: Path) -> None:
    """Commit a snapshot, which must be all that Git sees."""
    assert {line[3:] for line in _git(folder, "status", "--porcelain").splitlines()} == {"dvc.lock"}
    _git(folder, "add", "dvc.lock")
    _git(folder, "commit", "--quiet", "--message", "snapshot")


def _clone(origin: Path, folder: Path) -> Path:
    _git(origin, "clone", "--quiet", str(origin), str(folder))
    return folder


def _finish(plan: Plan, *roots: str, value: float = 0.5) -> list[str]:
    """Write results of the planned jobs as their stages would, with made-up payloads; return their folders."""
    finished = [job for job in plan if not roots or any(job.folder.is_relative_to(root) for root in roots)]
    for job in finished:
        payloads = {name: _payload(job, name, value) for name in {*job.files, *_tables(job)}}
        inputs = {
            upstream.folder.as_posix(): Input(
                content=read_manifest(upstream.folder).digest, revision=plan.revision(upstream)
            )
            for upstream in job.upstream
        }
        manifest = Manifest(stage=job.rule, spec=job.spec, code=plan.code(job), inputs=inputs, payloads=payloads)
        Path(job.manifest).write_text(manifest.model_dump_json(indent=2))
    return [job.folder.as_posix() for job in finished]


def _tables(job: Job) -> tuple[str, ...]:
    return tuple(TABLES) if job.rule == "build_report" else ("made_up.txt",)


def _payload(job: Job, name: str, value: float) -> Payload:
    path = job.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TABLES.get(name, f"{job.folder} {name} {{value}}").format(value=value))
    return Payload(size=path.stat().st_size, sha256=digest_file(path))


def _damaged(folder: Path) -> list[Path]:
    """Return the objects of a DVC cache or folder remote whose bytes do not fit their names."""
    objects = [path for path in folder.glob("files/md5/*/*") if path.is_file()]
    assert objects
    return [path for path in objects if hashlib.md5(path.read_bytes()).hexdigest() != path.parent.name + path.stem]


def _planned_after_an_edit(project: Project) -> set[str]:
    project.edit("config/smoke.yaml", "pretrained: {steps: 20", "pretrained: {steps: 21")
    return project.planned()


def _flip(path: Path) -> None:
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_clone_has_nothing_to_do_and_one_edit_plans_its_branch(finished: Project, tmp_path: Path) -> None:
    clone = Project(_clone(finished.folder, tmp_path / "clone"))
    _dvc(clone.folder, "config", "--local", "cache.type", "symlink")
    _dvc(clone.folder, "pull")
    assert "Nothing to be done" in clone.snakemake("--dry-run").stdout
    assert "up to date" in _dvc(clone.folder, "repro")
    # what a job writes anew must not reach DVC's copy through a link
    report = clone.folder / "results/smoke/report.html"
    assert report.is_symlink()
    assert clone.snakemake("--forcerun", "build_report").returncode == 0
    assert not report.is_symlink()
    assert _damaged(clone.folder / ".dvc/cache") == []
    assert _planned_after_an_edit(clone) == BRANCH


def test_same_through_s3(finished: Project, s3: str, tmp_path: Path) -> None:
    for command in _documented("S3", SERVER, s3):
        _run(finished.folder, *command, "--local", *(["--force"] if "add" in command else []))
    _dvc(finished.folder, "push")
    clone = Project(_clone(finished.folder, tmp_path / "clone"))
    shutil.copy(finished.folder / ".dvc/config.local", clone.folder / ".dvc")
    (finished.folder / ".dvc/config.local").unlink()
    _dvc(clone.folder, "pull")
    assert "Nothing to be done" in clone.snakemake("--dry-run").stdout
    assert _planned_after_an_edit(clone) == BRANCH


def test_one_figure_of_a_real_run_needs_no_computing(finished: Project, tmp_path: Path) -> None:
    clone = Project(_clone(finished.folder, tmp_path / "clone"))
    figure = "results/smoke/figures/mdm_accuracy/mdm_accuracy.png"
    restored = clone.prehep("restore", figure)
    assert restored.returncode == 0, restored.stderr
    assert "Nothing to be done" in clone.snakemake("--dry-run", figure).stdout
    assert not list(clone.folder.glob("data/pseudo_data-*"))
    assert clone.prehep("restore").returncode == 0
    assert "Nothing to be done" in clone.snakemake("--dry-run").stdout


def test_what_a_target_needs_comes_and_no_more(clone: Plan) -> None:
    commands = _documented("Get back")
    assert commands[0][-1] == FIGURE
    for command in commands[:2]:
        _run(Path(), *command)
    present = {path.parent.as_posix() for path in Path().rglob("manifest.json")}
    wanted = [job for job in clone if job.rule in {"plot_label_efficiency", "pretrain_model"}]
    assert present == {job.folder.as_posix() for job in Plan(wanted)}
    taken = snapshot(clone, clone, push=False)
    assert "results" not in taken.complete
    assert set(taken.left) == {job.folder.as_posix() for job in clone} - present
    _git(Path(), "checkout", "dvc.lock")
    for command in commands[2:]:
        _run(Path(), *command)
    assert all(Path(job.manifest).is_file() for job in clone)


def test_restore_replaces_only_what_was_stored(clone: Plan) -> None:
    own = Path("runs/pretrain_model/mine/notes.txt")
    own.parent.mkdir(parents=True)
    own.write_text("keep me")
    restore(clone, ["runs", "tokens"])
    assert own.read_text() == "keep me"
    same, other = (job.folder for job in clone.of("train_baseline")[:2])
    (same / "run_info.json").write_text("the same, made here")
    restore(clone, [same.as_posix()])
    assert (same / "run_info.json").read_text() == "the same, made here"
    (other / "manifest.json").write_text("something else")
    with pytest.raises(StorageError, match=rf"^{other}/manifest.json would be overwritten .* run prehep snapshot"):
        restore(clone, ["train_baseline"])


def test_damage_in_the_remote_is_found(clone: Plan, origin: Path) -> None:
    lines = _dvc(Path(), "list", ".", "tokens", "--recursive", "--dvc-only", "--show-hash").splitlines()
    md5 = next(line.split()[0] for line in lines if line.endswith("encoding.json"))
    copy = origin.parent / "store/files/md5" / md5[:2] / md5[2:]
    _flip(copy)
    try:
        with pytest.raises(CorruptPayloadError, match=rf"encoding.json has sha256 .* delete files/md5/{md5[:2]}/"):
            restore(clone, ["tokenize_events"])
    finally:
        _flip(copy)


def test_snapshot_of_a_run_that_is_not_finished(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = _finish(plan, "data", "tokens")
    point = Path("runs/finetune_points/pretrained-0123/fit.json")
    point.parent.mkdir(parents=True)
    point.write_text("{}")
    old = shutil.copytree(folders[0], "data/of_other_settings-12345678")
    folders.append(old)
    for command in _documented("Store", FOLDER, tmp_path / "store")[:2]:
        _run(Path(), *command)
    assert snapshot(plan, plan) == Snapshot(len(folders), ["data", "tokens"], [], pushed=True)
    _commit(Path())
    monkeypatch.chdir(_clone(Path.cwd(), tmp_path / "clone"))
    with pytest.raises(StorageError, match=r"^runs/pretrain_model/.* is not in the snapshot that dvc.lock describes"):
        restore(plan, ["pretrain_model"])
    assert restore(plan, [old]) == [old]
    assert restore(plan) == sorted(folders)
    assert point.is_file()
    point.unlink()
    restore(plan)
    assert point.is_file()
    would_run = _dvc(Path(), "repro", "--dry")
    assert "Stage 'tokens' didn't change" in would_run
    assert "Running stage 'checkpoints'" in would_run
    assert "Running stage 'results'" in would_run


def test_stale_results_are_not_done(plan: Plan) -> None:
    _finish(plan)
    command = Path("rules/pretrain.smk")
    command.write_text(command.read_text().replace("--spec", "--other --spec"))
    taken = CliRunner().invoke(app, ["snapshot", "--no-push", "--json"])
    assert json.loads(taken.output)["complete"] == ["data", "tokens"]


@pytest.mark.parametrize("planned", [True, False])
def test_damaged_results_are_not_stored(plan: Plan, planned: bool) -> None:
    _finish(plan)
    folder = plan.of("pretrain_model")[0].folder
    if not planned:
        folder = folder.rename(folder.with_name("old-12345678"))
    _flip(folder / "encoder.safetensors")
    taken = CliRunner().invoke(app, ["snapshot"])
    assert taken.exit_code == 1
    assert re.search(rf"{folder}/encoder.safetensors has sha256 .*prehep repair", taken.stderr)
    assert not Path("dvc.lock").exists()


def test_sentences_about_what_cannot_be_stored_or_restored(
    plan: Plan, clone: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TargetError, match=r"label_eficiency is no job of this configuration; did you mean"):
        restore(clone, ["label_eficiency"])
    _dvc(Path(), "remote", "modify", "--local", "storage", "url", str(tmp_path / "elsewhere"))
    with pytest.raises(StorageError, match=r"^The remote does not hold this snapshot; run dvc push"):
        restore(clone)
    _dvc(Path(), "remote", "remove", "storage")
    with pytest.raises(StorageError, match=r"DVC has no default remote; name one with dvc remote add"):
        restore(clone)
    monkeypatch.chdir(tmp_path / "origin")
    refused = CliRunner().invoke(app, ["restore"])
    assert refused.exit_code == 2
    assert "dvc.lock is missing: this commit has no snapshot" in refused.stderr
    with pytest.raises(StorageError, match=r"no finished result to store; run snakemake first"):
        snapshot(plan, plan)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match=r"no dvc.yaml and .dvc; run this in the folder of the workflow"):
        restore(plan)


def test_two_commits_can_be_compared(plan: Plan) -> None:
    for value in (0.5, 0.75):
        _finish(plan, value=value)
        assert not snapshot(plan, plan).pushed
        _commit(Path())
    (change,) = json.loads(_dvc(Path(), "metrics", "diff", "HEAD~1", "HEAD", "--json")).values()
    assert change == {"event_pretraining.auc.pretrained.64": {"old": 0.5, "new": 0.75, "diff": 0.25}}
    plots = json.loads(_dvc(Path(), "plots", "diff", "HEAD~1", "HEAD", "--json"))["data"]
    for name, field in (("label efficiency", "mean"), ("masked modules", "exact_accuracy")):
        rows = plots[name][0]["content"]["data"]["values"]
        assert {(row["rev"], float(row[field])) for row in rows} == {("HEAD~1", 0.5), ("HEAD", 0.75)}
    told = [_run(Path(), *command) for command in _documented("Compare two versions")]
    assert "event_pretraining.auc.pretrained.64" in told[0]
    assert Path("dvc_plots/index.html").is_file()
    assert {path.name for path in Path("models").iterdir()} == {job.folder.name for job in plan.of("pretrain_model")}


def test_artifacts_and_metrics_are_what_the_default_run_makes() -> None:
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    plan = load_plan(root=ROOT)
    folders = [job.folder for job in plan]
    for artifact in pipeline["artifacts"].values():
        assert any(folder.is_relative_to(artifact["path"]) for folder in folders)
        assert {"type", "desc", "labels"} <= artifact.keys()
    report = plan.targets[0]
    assert pipeline["metrics"] == [(report.folder / "metrics.json").as_posix()]
    for plot in pipeline["plots"]:
        ((name, settings),) = plot.items()
        (table,) = settings["y"]
        assert table in report.payloads or "training_curves" in table, name
        assert (ROOT / ".dvc/plots" / f"{settings['template']}.json").is_file()
