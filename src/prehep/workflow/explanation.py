"""Why a result has to be remade: the chain of what changed, from the result to its sources."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prehep.core.errors import CorruptPayloadError, TargetError
from prehep.core.manifest import MANIFEST, Manifest, read_manifest
from prehep.core.stamp import Stamp, read_stamp
from prehep.workflow.jobs import Job, Plan
from prehep.workflow.status import JobStatus, Reason, State, changed_settings, survey
from prehep.workflow.targets import find_jobs

FIGURE_SUFFIXES = {".png", ".pdf"}


@dataclass(frozen=True)
class Explanation:
    """The state of one result, the reasons in it, and those of the inputs behind them.

    Attributes:
        status: state and reasons of the result.
        like: folder of the most similar finished result, where this one was never made.
        inputs: explanations of those inputs that are not fresh either.
    """

    status: JobStatus
    like: Path | None
    reasons: tuple[Reason, ...]
    inputs: tuple["Explanation", ...]

    @property
    def is_fresh(self) -> bool:
        """Tell whether the result and all that it was made from is fresh."""
        return self.status.state is State.FRESH and all(upstream.is_fresh for upstream in self.inputs)

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as JSON-ready values."""
        return {
            "folder": self.status.job.folder.as_posix(),
            "stage": self.status.job.rule,
            "state": self.status.state.value,
            "like": self.like.as_posix() if self.like else None,
            "reasons": [reason.as_json() for reason in self.reasons],
            "inputs": [explanation.as_json() for explanation in self.inputs],
        }


@dataclass(frozen=True)
class FigureOrigin:
    """What a figure file says of itself, and whether the results it shows are still the same.

    Attributes:
        path: the file.
        stamp: what it was made from.
        present: content digest of each of its inputs as it is now; None where there is none.
    """

    path: Path
    stamp: Stamp
    present: dict[str, str | None]

    @property
    def rule(self) -> str:
        """Return the rule that draws the figure."""
        return self.stamp.stage

    @property
    def current(self) -> bool:
        """Tell whether the figure shows the results that are there now."""
        return self.present == self.stamp.inputs

    def as_json(self) -> dict[str, Any]:
        """Return the origin as JSON-ready values."""
        return {
            "path": self.path.as_posix(),
            **self.stamp.model_dump(),
            "present": self.present,
            "current": self.current,
        }


def explain_figure(path: Path, root: Path = Path()) -> FigureOrigin | None:
    """Return what a figure file was made from; None for what is no file of a figure.

    Raises:
        FormatError: the file carries no stamp.
    """
    if path.suffix.lower() not in FIGURE_SUFFIXES or not path.is_file():
        return None
    stamp = read_stamp(path)
    return FigureOrigin(path, stamp, {folder: _content(root / folder) for folder in stamp.inputs})


def explain_target(
    plan: Plan, target: str, figure: FigureOrigin | None = None, root: Path = Path()
) -> list[Explanation]:
    """Return why each result that a target means is what it is; nothing for a figure of another configuration.

    Raises:
        TargetError: no planned job is called so, and it is no figure.
    """
    try:
        jobs = find_jobs(plan, target)
    except TargetError:
        if figure is None:
            raise
        shown = set(figure.present)
        jobs = [job for job in plan.of(figure.rule) if {up.folder.as_posix() for up in job.upstream} == shown]
    statuses = survey(plan, root=root)
    seen: set[str] = set()
    return [explain(job, statuses, root, seen) for job in jobs if job.manifest not in seen]


def _content(folder: Path) -> str | None:
    try:
        return read_manifest(folder).digest
    except CorruptPayloadError:
        return None


def explain(
    job: Job, statuses: Mapping[str, JobStatus], root: Path = Path(), seen: set[str] | None = None
) -> Explanation:
    """Return why a result is what it is; an input that was explained before is not explained again.

    Args:
        job: the job of the result.
        statuses: states of all jobs, by manifest.
        root: folder in which the workflow runs.
        seen: manifests of jobs that were explained already; grows.
    """
    seen = set() if seen is None else seen
    seen.add(job.manifest)
    status = statuses[job.manifest]
    like, reasons = None, status.reasons
    if status.state is State.MISSING:
        like, reasons = _differences_to_nearest(job, root)
    inputs = tuple(
        explain(upstream, statuses, root, seen)
        for upstream in job.upstream
        if upstream.manifest not in seen and statuses[upstream.manifest].state is not State.FRESH
    )
    return Explanation(status, like, reasons, inputs)


def _differences_to_nearest(job: Job, root: Path) -> tuple[Path | None, tuple[Reason, ...]]:
    """Return the finished result of the same stage and name that is nearest, and the settings that differ."""
    found = [
        (len(reasons := changed_settings(manifest.spec, job.spec)), folder, reasons)
        for folder, manifest in _relatives(job, root)
    ]
    if not found:
        return None, ()
    _, folder, reasons = min(found, key=lambda item: (item[0], item[1]))
    return folder, tuple(reasons)


def _relatives(job: Job, root: Path) -> Iterator[tuple[Path, Manifest]]:
    for path in sorted((root / job.folder.parent).glob(f"{job.name}-*/{MANIFEST}")):
        folder = path.parent.relative_to(root)
        try:
            manifest = read_manifest(root / folder)
        except CorruptPayloadError:
            continue
        if manifest.stage == job.rule and folder != job.folder:
            yield folder, manifest
