"""What a user may call a job: its rule, its name, its folder, a file in it."""

import difflib
import os
from pathlib import Path, PurePosixPath

from prehep.core.errors import TargetError
from prehep.workflow.jobs import Job, Plan


def find_jobs(plan: Plan, target: str) -> list[Job]:
    """Return the jobs that a target means, sorted by folder; never an empty list.

    A target is, tried in this order: the name of a rule (all its jobs); the name of a job (a dataset, a run, a figure:
    every job of that name); `name-digest`; a job's folder, its manifest or another file in it; a folder of job folders
    (all of them); the bare name of a figure file. Files need not exist; paths are absolute or relative to the working
    directory.

    Raises:
        TargetError: no planned job is called so; the message names the nearest that are.
    """
    jobs = sorted(plan.jobs.values(), key=lambda job: job.manifest)
    path = _relative(target)
    for found in (
        [job for job in jobs if job.rule == target],
        [job for job in jobs if job.name == target],
        [job for job in jobs if job.folder.name == target],
        [job for job in jobs if job.folder == path],
        [job for job in jobs if job.folder.is_relative_to(path)],
        _holder(jobs, path),
        [job for job in jobs if _is_figure_file(job, target)],
    ):
        if found:
            return found
    raise TargetError(_unknown(jobs, target))


def _relative(target: str) -> Path:
    """Return a path relative to the working directory, without `.` and `..`."""
    return Path(os.path.relpath(target)) if target else Path(os.pardir)


def _holder(jobs: list[Job], path: Path) -> list[Job]:
    """Return the job in whose folder a file lies, and not in a folder that other jobs share with it."""
    inside = [job for job in jobs if job.folder in path.parents]
    if not inside:
        return []
    deepest = max(inside, key=lambda job: len(job.folder.parts))
    first = deepest.folder / path.relative_to(deepest.folder).parts[0]
    return [] if any(job.folder.is_relative_to(first) for job in jobs) else [deepest]


def _is_figure_file(job: Job, target: str) -> bool:
    name = PurePosixPath(target)
    return job.rule == f"plot_{name.stem}" and name.suffix in {".png", ".pdf", ".csv"} and target == name.name


def _unknown(jobs: list[Job], target: str) -> str:
    rules = sorted({job.rule for job in jobs})
    names = {name for job in jobs for name in (job.name, job.folder.name, job.folder.as_posix())}
    near = difflib.get_close_matches(target, [*rules, *sorted(names)], n=3, cutoff=0.6)
    known = f"give a rule ({', '.join(rules)}), a name, a folder or a file"
    guess = f"did you mean {' or '.join(near)}?" if near else f"{known}."
    return f"{target} is no job of this configuration; {guess}"
