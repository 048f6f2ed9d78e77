"""Jobs: a rule, a folder whose name carries a digest, a specification and the jobs it builds on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prehep.core.digests import digest_value, short
from prehep.core.fingerprint import fingerprint
from prehep.core.manifest import MANIFEST

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

EVENT_ARRAYS = ("features", "types", "kinematics", "weights", "split", "identity", "process")
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
        spec: JSON-ready fields of the stage's Spec.
        upstream: jobs whose results it reads.
        modules: entry modules of the stage's code.
        source: JSON-ready fields that do not define the result (addresses), kept out of `spec`.
        gpu: whether the job uses the GPU where there is one.
        threads: processor threads.
    """

    rule: str
    name: str
    folder: Path
    spec: dict[str, Any]
    upstream: tuple["Job", ...] = ()
    modules: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    gpu: bool = False
    threads: int = 1

    @property
    def manifest(self) -> str:
        """Return the path of the manifest, by which jobs depend on each other."""
        return (self.folder / MANIFEST).as_posix()

    @property
    def payloads(self) -> list[str]:
        """Return the paths of the declared payload files."""
        return [(self.folder / name).as_posix() for name in PAYLOADS.get(self.rule, ())]

    @property
    def arguments(self) -> str:
        """Return the specification as the JSON text that the workflow script takes; order is kept, it has a meaning."""
        return json.dumps({**self.spec, "output": self.folder.as_posix()})

    @property
    def code(self) -> str:
        """Return the fingerprint of all code that the job can reach."""
        return fingerprint(*self.modules)


def make_job(
    rule: str,
    name: str,
    spec: Mapping[str, Any],
    upstream: Iterable[Job] = (),
    *,
    folder: Path | None = None,
    **options: Any,
) -> Job:
    """Return a job whose folder carries the digest of its specification, or lies in a fixed `folder`.

    A job that `trains` gets a folder for its state, which outlives a kill.
    """
    fields = dict(spec)
    root = Path(ROOTS.get(rule, f"runs/{rule}"))
    digest = short(digest_value({"rule": rule, "spec": fields}))
    where = folder or root / f"{name}-{digest}"
    if options.pop("trains", False):
        fields["state"] = f"train_state/{rule}/{name}-{digest}"
    stage = "plot_figure" if rule.startswith("plot_") else rule
    modules = (f"prehep.stages.{stage}", *options.pop("modules", ()))
    return Job(rule, name, where, fields, tuple(upstream), modules, **options)


class Plan:
    """All jobs of a configuration, found by rule and folder."""

    def __init__(self, targets: Iterable[Job]) -> None:
        self.targets = tuple(targets)
        self.jobs: dict[str, Job] = {}
        waiting = list(self.targets)
        while waiting:
            job = waiting.pop()
            if job.manifest not in self.jobs:
                self.jobs[job.manifest] = job
                waiting.extend(job.upstream)

    def of(self, rule: str) -> list[Job]:
        """Return the jobs of a rule, sorted by folder."""
        return sorted((job for job in self.jobs.values() if job.rule == rule), key=lambda job: job.manifest)

    def find(self, rule: str, folder: str) -> Job:
        """Return the job of a rule that writes into a folder."""
        job = self.jobs[(Path(folder) / MANIFEST).as_posix()]
        if job.rule != rule:
            raise KeyError(f"{folder} is made by {job.rule}, not by {rule}")
        return job
