"""Which results are up to date, told from the manifests alone: Snakemake's own records are not needed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from prehep.core.digests import short
from prehep.core.errors import CorruptPayloadError
from prehep.core.integrity import VerifiedFiles, damages
from prehep.core.manifest import MANIFEST, Manifest, published_files, read_manifest
from prehep.workflow.jobs import Job, Plan

VERIFIED = Path(".prehep") / "verified.json"


class State(StrEnum):
    """What a planned result is."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"
    CORRUPT = "corrupt"


@dataclass(frozen=True)
class Reason:
    """One reason why a result is not fresh.

    Attributes:
        kind: `setting`, `code`, `input` or `damage`.
        subject: key of the setting, module, folder of the input, or what is damaged.
        old: what the result was made with, where there was something.
        new: what it would be made with now, where there is something.
    """

    kind: str
    subject: str
    old: str | None = None
    new: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Return the reason as JSON-ready values, with its text."""
        return {"kind": self.kind, "subject": self.subject, "old": self.old, "new": self.new, "text": str(self)}

    def __str__(self) -> str:
        if self.old is None and self.new is None:
            return self.subject
        if self.kind == "input" and self.old is None:
            return f"input {self.subject} {self.new}"
        label = "" if self.subject.startswith(("command of", "workflow_scripts")) or self.kind != "code" else "module "
        label = f"{self.kind} " if self.kind != "code" else label
        return f"{label}{self.subject}: {self.old or 'absent'} → {self.new or 'absent'}"


@dataclass(frozen=True)
class JobStatus:
    """State of one job's results.

    Attributes:
        job: the job.
        state: what its results are.
        reasons: why they are not fresh.
        manifest: the manifest, where it can be read.
        settled: whether nothing but damage makes them run again.
    """

    job: Job
    state: State
    reasons: tuple[Reason, ...] = ()
    manifest: Manifest | None = None
    settled: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the status as JSON-ready values."""
        return {
            "stage": self.job.rule,
            "run": self.job.folder.as_posix(),
            "state": self.state.value,
            "reasons": [reason.as_json() for reason in self.reasons],
        }

    @property
    def reads_other_content(self) -> bool:
        """Tell whether an input holds other data than the result was made from, although it is made in the same way."""
        return any(reason.kind == "input" and reason.old is not None for reason in self.reasons)


def survey(plan: Plan, *, root: Path = Path(), deep: bool = False, times: bool = True) -> dict[str, JobStatus]:
    """Return the state of every planned job, each after those that it reads, by the path of its manifest.

    Args:
        plan: the jobs of a configuration.
        root: folder in which the workflow runs.
        deep: compare the bytes of every file with its hash.
        times: compare those of files that changed after their manifest.
    """
    verified = VerifiedFiles(root / VERIFIED)
    found: dict[str, JobStatus] = {}
    for job in plan:
        found[job.manifest] = _judge(plan, job, found, _damages(job, root, verified, deep=deep, times=times), root)
    verified.save()
    return found


def _damages(job: Job, root: Path, verified: VerifiedFiles, *, deep: bool, times: bool) -> list[str]:
    folder = root / job.folder
    if (folder / MANIFEST).is_file():
        return damages(folder, deep=deep, times=times, verified=verified)
    present = [name for name in dict.fromkeys([*job.files, *published_files(folder)]) if (folder / name).exists()]
    return [f"{job.manifest} is missing beside {', '.join(present)}"] if present else []


def _judge(plan: Plan, job: Job, found: Mapping[str, JobStatus], damage: list[str], root: Path) -> JobStatus:
    try:
        manifest = read_manifest(root / job.folder)
    except CorruptPayloadError:
        manifest = None
    if manifest is None:
        settled = bool(damage) and all(found[upstream.manifest].settled for upstream in job.upstream)
        return JobStatus(job, State.CORRUPT if damage else State.MISSING, _told(damage), None, settled)
    reasons = (
        *changed_settings(manifest.spec, job.spec),
        *_changed_code(manifest.code, plan.code(job)),
        *_changed_inputs(plan, job, manifest, found),
    )
    if damage:
        return JobStatus(job, State.CORRUPT, _told(damage), manifest, not reasons)
    return JobStatus(job, State.STALE if reasons else State.FRESH, reasons, manifest, not reasons)


def _told(damage: list[str]) -> tuple[Reason, ...]:
    return tuple(Reason("damage", text) for text in damage)


def changed_settings(old: Any, new: Any, key: str = "") -> list[Reason]:
    """Return the settings that differ, each by its full key; another order of keys is a difference too."""
    if _shown(old) == _shown(new):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        keys = dict.fromkeys([*old, *new])
        found = []
        for name in keys:
            found += changed_settings(old.get(name, ...), new.get(name, ...), f"{key}.{name}" if key else name)
        if not found and list(old) != list(new):
            return [Reason("setting", key or "order", ", ".join(old), ", ".join(new))]
        return found
    return [Reason("setting", key, _shown(old), _shown(new))]


def _shown(value: Any) -> str | None:
    return None if value is ... else json.dumps(value, ensure_ascii=False)


def _changed_code(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Reason]:
    for name in sorted({*old, *new} if old != new else ()):
        if old.get(name) != new.get(name):
            before, after = (short(table[name]) if name in table else None for table in (old, new))
            yield Reason("code", name, before, after)


def _changed_inputs(plan: Plan, job: Job, manifest: Manifest, found: Mapping[str, JobStatus]) -> Iterator[Reason]:
    recorded = dict(manifest.inputs)
    for upstream in job.upstream:
        folder = upstream.folder.as_posix()
        status = found[upstream.manifest]
        known = recorded.pop(folder, None)
        if known is None:
            yield Reason("input", folder, None, "is new")
        elif known.revision != plan.revision(upstream):
            yield Reason("input", folder, None, "is made in another way now")
        elif status.state is State.STALE:
            yield Reason("input", folder, None, "is stale")
        elif status.manifest is not None and status.manifest.digest != known.content:
            yield Reason("input", folder, short(known.content), short(status.manifest.digest))
    for folder in recorded:
        yield Reason("input", folder, None, "is not read any more")
