"""Clear damaged results, so that the next run remakes exactly those."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from prehep.core.errors import ExecutionError
from prehep.core.manifest import MANIFEST, RUN_INFO, published_files
from prehep.workflow.freshness import read_cleared, write_cleared
from prehep.workflow.jobs import Job
from prehep.workflow.records import Records
from prehep.workflow.status import JobStatus, State


def to_remake(statuses: Iterable[JobStatus], *, missing: bool = False) -> list[JobStatus]:
    """Return the states of damaged results, and of missing ones if these are asked for."""
    states = {State.CORRUPT, *([State.MISSING] if missing else [])}
    return [status for status in statuses if status.state in states]


def clear(jobs: Sequence[Job], root: Path = Path()) -> None:
    """Remove the files of jobs' results, and have the next run remake them even if nothing else needs them.

    Everything that was made from them stays: it is remade only if the new files differ.

    Raises:
        ExecutionError: Snakemake is at work here.
    """
    if any((root / ".snakemake" / "locks").glob("*")):
        raise ExecutionError(
            f"{root.absolute() / '.snakemake' / 'locks'} says that snakemake is at work here, which makes results that "
            "only look damaged; wait for it, or run snakemake --unlock if it was killed, and repair then."
        )
    write_cleared(root, [*read_cleared(root), *(job.manifest for job in jobs)])
    records = Records(root)
    for job in jobs:
        folder = root / job.folder
        for name in dict.fromkeys((*published_files(folder), *job.files, RUN_INFO, MANIFEST)):
            _remove(folder, name)
            records.remove((job.folder / name).as_posix())


def _remove(folder: Path, name: str) -> None:
    """Remove a file, or a folder that took its place; a damaged manifest may name what lies elsewhere."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
