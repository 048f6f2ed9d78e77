"""Jobs: a rule, a folder whose name carries a digest, a specification and the jobs it builds on."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prehep.core.code import CodeReference, code_table
from prehep.core.digests import digest_value, short
from prehep.core.errors import CodeError
from prehep.core.fingerprint import combine
from prehep.core.manifest import MANIFEST, revision_digest
from prehep.workflow.rules import PLOT, command_digests

ROOTS = {
    "fetch_file": "data/files",
    "simulate_events": "data/shards",
    "simulate_tracks": "data/shards",
    "ingest_events": "data",
    "ingest_tracks": "data",
    "check_quality": "data/quality",
    "tokenize_events": "tokens",
    "tokenize_tracks": "tokens",
}
"""Where each rule's results lie; every other rule has `runs/{rule}`."""

COMMAND_LINE = "prehep.stages.command"
"""What every workflow script imports beside its stage."""

EVENT_ARRAYS = ("features", "types", "kinematics", "slot", "offsets", "weights", "split", "identity", "process")
TRACK_ARRAYS = ("tokens", "offsets", "positions", "pt", "event", "split", "identity")
PAYLOADS: dict[str, tuple[str, ...]] = {
    "simulate_events": ("events.root", "summary.json"),
    "ingest_events": ("events.parquet", "schema.json"),
    "ingest_tracks": ("hits.parquet", "particles.parquet", "modules.parquet", "schema.json"),
    "check_quality": ("quality.json",),
    "tokenize_events": (*(f"{name}.npy" for name in EVENT_ARRAYS), "encoding.json"),
    "tokenize_tracks": (*(f"{name}.npy" for name in TRACK_ARRAYS), "vocabulary.parquet"),
    "pretrain_model": ("encoder.safetensors", "objective.safetensors", "config.json", "history.csv"),
    "finetune_sweep": ("scores.csv", "curves.csv"),
}
"""Files of fixed name that a rule declares; the names of the others depend on the job."""


@dataclass(frozen=True)
class Job:
    """One planned job.

    Attributes:
        rule: name of the Snakemake rule, which is also the name of the stage.
        name: what stands before the digest in the folder's name.
        folder: where the results go, relative to the working directory.
        spec: JSON-ready fields of the stage's Spec that define the result.
        upstream: jobs whose results it reads.
        modules: entry modules of the stage's code.
        files: names of the payloads that the rule declares.
        source: JSON-ready fields that do not define the result (addresses), kept out of `spec`.
        state: folder of an unfinished training, which outlives a kill.
        gpu: whether the job uses the GPU where there is one.
        threads: processor threads.
        tasks: parts of its work that may run side by side, on so many threads each.
    """

    rule: str
    name: str
    folder: Path
    spec: dict[str, Any]
    upstream: tuple["Job", ...] = ()
    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    state: Path | None = None
    gpu: bool = False
    threads: int = 1
    tasks: int = 1

    @property
    def manifest(self) -> str:
        """Return the path of the manifest, by which jobs depend on each other."""
        return (self.folder / MANIFEST).as_posix()

    @property
    def payloads(self) -> list[str]:
        """Return the paths of the declared payload files."""
        return [(self.folder / name).as_posix() for name in self.files]

    @property
    def arguments(self) -> str:
        """Return the specification as the JSON text that the workflow script takes; order is kept, it has a meaning."""
        places = {"output": self.folder.as_posix()} | ({"state": self.state.as_posix()} if self.state else {})
        return json.dumps({**self.spec, **places})


def make_job(
    rule: str,
    name: str,
    spec: Mapping[str, Any],
    upstream: Iterable[Job] = (),
    *,
    folder: Path | None = None,
    modules: Iterable[str] = (),
    trains: bool = False,
    **options: Any,
) -> Job:
    """Return a job whose folder carries the digest of its specification, or lies in a fixed `folder`.

    A job that `trains` gets a folder for its state.
    """
    fields = dict(spec)
    digest = short(digest_value({"rule": rule, "spec": fields}))
    where = folder or Path(ROOTS.get(rule, f"runs/{rule}")) / f"{name}-{digest}"
    state = Path("train_state") / rule / f"{name}-{digest}" if trains else None
    stage = "plot_figure" if rule.startswith(PLOT) else rule
    options = {"files": PAYLOADS.get(rule, ()), **options}
    entries = (f"prehep.stages.{stage}", COMMAND_LINE, *modules)
    # a folder may be read twice: signal and background of one dataset
    unique = {job.manifest: job for job in upstream}
    return Job(rule, name, where, fields, tuple(unique.values()), entries, state=state, **options)


class Plan:
    """All jobs of a configuration, found by rule and folder, and what decides whether they are up to date.

    Args:
        targets: what is asked for; everything that these need is planned.
        workflow: folder of the workflow: `rules`, `workflow_scripts`.
    """

    def __init__(self, targets: Iterable[Job], workflow: Path = Path()) -> None:
        self.targets = tuple(targets)
        self.workflow = workflow
        self.jobs: dict[str, Job] = {}
        for job in self.targets:
            self._add(job)
        self._commands = command_digests(workflow / "rules")
        self._revisions: dict[str, str] = {}
        self._codes: dict[tuple[str, ...], dict[str, str]] = {}

    def _add(self, job: Job) -> None:
        if job.manifest not in self.jobs:
            for upstream in job.upstream:
                self._add(upstream)
            self.jobs[job.manifest] = job

    def __iter__(self) -> Iterator[Job]:
        """Return the jobs, each after those that it reads."""
        return iter(self.jobs.values())

    def of(self, rule: str) -> list[Job]:
        """Return the jobs of a rule, sorted by folder."""
        return sorted((job for job in self if job.rule == rule), key=lambda job: job.manifest)

    def find(self, rule: str, folder: str) -> Job:
        """Return the job of a rule that writes into a folder."""
        job = self.jobs[(Path(folder) / MANIFEST).as_posix()]
        if job.rule != rule:
            raise KeyError(f"{folder} is made by {job.rule}, not by {rule}")
        return job

    def script(self, job: Job) -> Path:
        """Return the script that a job runs."""
        return self.workflow / "workflow_scripts" / f"{job.rule}.py"

    def code(self, job: Job) -> dict[str, str]:
        """Return the digest of every part of the code that a job can reach."""
        key = (job.rule, *job.modules)
        if key not in self._codes:
            try:
                self._codes[key] = code_table(job.modules, self.script(job), self._command(job))
            except SyntaxError as error:
                raise CodeError(
                    f"{error.filename}, line {error.lineno}: expected Python, found {error.msg}; mend it and run again."
                ) from error
        return self._codes[key]

    def reference(self, job: Job) -> str:
        """Return what a job is told of its code."""
        return str(CodeReference(combine(self.code(job)), job.modules, self._command(job)))

    def revision(self, job: Job) -> str:
        """Return the digest of how a job's results are made: settings, code, and the same of everything upstream."""
        if job.manifest not in self._revisions:
            self._revisions[job.manifest] = revision_digest(job.spec, self.code(job), self._upstream_revisions(job))
        return self._revisions[job.manifest]

    def parameters(self, job: Job) -> dict[str, str]:
        """Return what Snakemake compares with its record to tell whether a job has to run again."""
        return {
            "spec": job.arguments,
            "code": self.reference(job),
            "inputs": short(digest_value(self._upstream_revisions(job))),
        }

    def _upstream_revisions(self, job: Job) -> dict[str, str]:
        return {upstream.folder.as_posix(): self.revision(upstream) for upstream in job.upstream}

    def _command(self, job: Job) -> str:
        return self._commands[PLOT if job.rule.startswith(PLOT) else job.rule]
