"""Clear damaged results, so that the next run remakes exactly those."""

from collections.abc import Sequence
from pathlib import Path

from prehep.core.errors import CorruptPayloadError
from prehep.core.manifest import MANIFEST, RUN_INFO, read_manifest
from prehep.workflow.freshness import read_cleared, write_cleared
from prehep.workflow.jobs import Job
from prehep.workflow.records import Records
from prehep.workflow.status import JobStatus, State


def damaged(statuses: Sequence[JobStatus]) -> list[JobStatus]:
    """Return the states of damaged results."""
    return [status for status in statuses if status.state is State.CORRUPT]


def clear(jobs: Sequence[Job], root: Path = Path()) -> None:
    """Remove the files of jobs' results, and have the next run remake them even if nothing else needs them.

    Everything that was made from them stays: it is remade only if the new files differ.
    """
    write_cleared(root, [*read_cleared(root), *(job.manifest for job in jobs)])
    records = Records(root)
    for job in jobs:
        folder = root / job.folder
        for name in (MANIFEST, RUN_INFO, *_files(job, root)):
            (folder / name).unlink(missing_ok=True)
            records.remove((job.folder / name).as_posix())


def _files(job: Job, root: Path) -> list[str]:
    """Return the names of all payloads: those that the manifest knows and those that the rule declares."""
    try:
        known = list(read_manifest(root / job.folder).payloads)
    except CorruptPayloadError:
        known = []
    return list(dict.fromkeys([*known, *job.files]))
