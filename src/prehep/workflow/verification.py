"""Recomputation: finished jobs run again in a scratch folder, and their payloads are compared with the first ones."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from prehep.core.integrity import damages
from prehep.core.manifest import REMEDY, RUN_INFO, read_manifest
from prehep.stages.comparison import Difference, compare
from prehep.workflow.jobs import Job
from prehep.workflow.planning import ConfiguredPlan
from prehep.workflow.status import JobStatus, State, survey
from prehep.workflow.targets import find_jobs

SCRATCH = Path(".prehep")
THREADS = ("OMP", "GOTO", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR")
"""Libraries whose threads Snakemake sets by the environment; sums may differ with their number."""
SURROUNDINGS = ("platform", "python", "device", "device_name")
"""Facts of `run_info.json` that bits may depend on, beside the versions of packages."""


@dataclass(frozen=True)
class Verdict:
    """What came of one job's recomputation.

    Attributes:
        job: the job.
        differences: how each payload differs from its recomputation.
        problem: why there is no recomputation, and what to do, as a sentence; empty where there is one.
        surroundings: what differs between the two runs besides: platform, device, versions.
    """

    job: Job
    differences: Mapping[str, Difference] = field(default_factory=dict)
    problem: str = ""
    surroundings: tuple[str, ...] = ()

    def holds(self, tolerance: float | None = None) -> bool:
        """Tell whether every payload is identical or, where a tolerance is given, within it."""
        return not self.problem and all(found.within(tolerance) for found in self.differences.values())

    def lines(self) -> list[str]:
        """Return what is to be said about the job, the payloads that are not identical one by one."""
        if self.problem:
            return [f"not verified: {self.problem}"]
        unequal = {name: found for name, found in self.differences.items() if not found.identical}
        equal = len(self.differences) - len(unequal)
        said = [
            f"{equal} of {len(self.differences)} files identical",
            *(f"{n}: {found}" for n, found in unequal.items()),
        ]
        return said + ([f"first made with other {', '.join(self.surroundings)}"] if self.surroundings else [])

    def as_json(self, tolerance: float | None = None) -> dict[str, Any]:
        """Return the verdict as JSON-ready values; infinite differences are the text `Infinity`."""
        answer: dict[str, Any] = to_jsonable_python(
            {
                "stage": self.job.rule,
                "run": self.job.folder.as_posix(),
                "holds": self.holds(tolerance),
                "problem": self.problem,
                "payloads": self.differences,
                "surroundings": self.surroundings,
            },
            inf_nan_mode="strings",
        )
        return answer


def verify(plan: ConfiguredPlan, targets: Sequence[str] = (), *, scratch: Path = SCRATCH) -> Iterator[Verdict]:
    """Recompute jobs one after the other and yield a verdict on each; nothing but `scratch` is written to.

    Args:
        plan: the jobs of a configuration; the working directory is that of the workflow.
        targets: what to verify, as `find_jobs` takes it; none: every job.
        scratch: folder for temporary files, on a disk with room for the results of one job.

    Raises:
        TargetError: a target is unknown; raised before any job runs.
    """
    statuses = survey(plan)
    chosen = {job.manifest for target in targets for job in find_jobs(plan, target)}
    if not targets:
        chosen = set(statuses)
    return (_verify_job(job, plan, statuses, scratch) for job in plan if job.manifest in chosen)


def command_of(job: Job, plan: ConfiguredPlan) -> list[str]:
    """Return the command by which the workflow runs a job, with a log of its own; its paths are relative."""
    runtime = dict(plan.runtime)
    if runtime["sample_dir"]:
        runtime["sample_dir"] = os.path.abspath(runtime["sample_dir"])  # noqa: PTH100 links are kept
    options = {
        "spec": job.arguments,
        "code": plan.reference(job),
        "runtime": json.dumps(runtime),
        "source": json.dumps(job.source),
        "log": f"logs/{job.rule}.log",
    }
    named = [text for name, value in options.items() for text in (f"--{name}", value)]
    return [sys.executable, str(plan.script(job).absolute()), *named]


def _verify_job(job: Job, plan: ConfiguredPlan, statuses: Mapping[str, JobStatus], scratch: Path) -> Verdict:
    if problem := _obstacle(job, statuses):
        return Verdict(job, problem=problem)
    with _mirror(job, plan, scratch) as root:
        threads = {f"{library}_NUM_THREADS": str(job.threads) for library in THREADS}
        result = subprocess.run(
            command_of(job, plan), cwd=root, env=os.environ | threads, capture_output=True, text=True, check=False
        )
        if result.returncode:
            said = (result.stderr.strip().splitlines() or ["nothing was said"])[-1].removeprefix("prehep: ")
            return Verdict(job, problem=f"the recomputation failed with status {result.returncode}: {said}")
        return _verdict(job, root / job.folder)


def _obstacle(job: Job, statuses: Mapping[str, JobStatus]) -> str:
    """Return why a job cannot be verified, as a sentence, or nothing."""
    status = statuses[job.manifest]
    if status.state is State.MISSING:
        return f"{job.folder} is not there; run snakemake or prehep restore."
    if status.state is State.STALE:
        return f"{job.folder} is stale (prehep why: {status.reasons[0]}); run snakemake, then verify."
    if damage := damages(job.folder, deep=True):
        return f"{'; '.join(damage)}; {REMEDY}."
    for upstream in job.upstream:
        state = statuses[upstream.manifest].state
        if state is State.MISSING:
            return f"its input {upstream.folder} is not there; run snakemake {upstream.manifest} or prehep restore."
        if state is State.CORRUPT:
            return f"its input {upstream.folder} is damaged; {REMEDY}."
    return ""


@contextmanager
def _mirror(job: Job, plan: ConfiguredPlan, scratch: Path) -> Iterator[Path]:
    """Yield a folder in which the job finds what it reads, under the same relative paths; it is removed in every case.

    All that the job writes (results, unfinished fits, logs) lands there too.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=scratch, prefix="verify-") as name:
            root = Path(name)
            for upstream in job.upstream:
                link = root / upstream.folder
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(upstream.folder.resolve(), target_is_directory=True)
            recorded = Path(plan.runtime["recorded"])
            if recorded.is_file():
                (root / recorded).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(recorded, root / recorded)
            yield root
    finally:
        if not any(scratch.iterdir()):
            scratch.rmdir()


def _verdict(job: Job, again: Path) -> Verdict:
    """Compare the payloads of a job with those of its recomputation."""
    first, second = read_manifest(job.folder), read_manifest(again)
    if first.revision != second.revision:
        return Verdict(job, problem="code or inputs changed while it was recomputed; verify it again.")
    old, new = first.payloads, second.payloads
    differences = {name: compare(job.folder / name, again / name) for name in old if name in new}
    differences |= {name: Difference(unlike="was not made again") for name in old.keys() - new.keys()}
    differences |= {name: Difference(unlike="was not there before") for name in new.keys() - old.keys()}
    return Verdict(job, differences, surroundings=tuple(_changes(_facts(job.folder), _facts(again))))


def _facts(folder: Path) -> dict[str, str]:
    """Return what is recorded of the circumstances of a run."""
    try:
        info: dict[str, Any] = json.loads((folder / RUN_INFO).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    facts = {name: info[name] for name in SURROUNDINGS if name in info} | info.get("versions", {})
    return {name: str(value) for name, value in facts.items()}


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    if not old:
        yield f"circumstances: its {RUN_INFO} is missing"
        return
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield f"{name}: {old.get(name, 'absent')} → {new.get(name, 'absent')}"
