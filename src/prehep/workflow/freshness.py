"""What a call of Snakemake has to know of the results that are there already."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from prehep.core.files import write_text
from prehep.workflow.jobs import Job
from prehep.workflow.planning import ConfiguredPlan
from prehep.workflow.records import export_records, import_records, reconcile
from prehep.workflow.status import JobStatus, State, survey

CLEARED = Path(".prehep") / "cleared.json"


class Freshness:
    """The states of all results when Snakemake starts, and what follows for inputs, targets and records.

    Args:
        plan: the jobs of the configuration.
        looks: whether this process decides what runs; the processes of single jobs do not.
        root: folder in which the workflow runs.
    """

    def __init__(self, plan: ConfiguredPlan, *, looks: bool = True, root: Path = Path()) -> None:
        self.plan = plan
        self.root = root
        self.statuses: dict[str, JobStatus] = {}
        if looks:
            import_records(root)
            self.statuses = survey(plan, root=root)
            reconcile(plan, self.statuses.values(), root)

    @property
    def warnings(self) -> list[str]:
        """Return a sentence about damaged results, if there are any."""
        corrupt = [status.job for status in self.statuses.values() if status.state is State.CORRUPT]
        if not corrupt:
            return []
        folders = ", ".join(job.folder.as_posix() for job in corrupt)
        return [f"prehep: results are damaged in {folders}; run prehep repair, then snakemake."]

    def is_settled(self, job: Job) -> bool:
        """Tell whether a job's results need not be remade, whatever happens to the times of its inputs."""
        status = self.statuses.get(job.manifest)
        return status is not None and status.settled

    def is_whole(self, job: Job) -> bool:
        """Tell whether everything that a job declares is there, so that no other job can make it run."""
        return all((self.root / path).exists() for path in (job.manifest, *job.payloads))

    def present(self, paths: Iterable[str]) -> list[str]:
        """Return those files that are there."""
        return [path for path in paths if (self.root / path).exists()]

    @property
    def targets(self) -> list[str]:
        """Return every file that the run must leave, those that `prehep repair` cleared included."""
        cleared = [path for path in read_cleared(self.root) if path in self.plan.jobs]
        return [*self.plan.products, *(path for path in cleared if path not in self.plan.products)]

    def finish(self) -> list[str]:
        """Export the records after a run; return a sentence if results were remade with other content than before.

        A result that a failed job took with it stays wanted: after the cause is mended, nothing else may need it.
        """
        export_records(self.root)
        after = survey(self.plan, root=self.root, times=False)
        had = [path for path, status in self.statuses.items() if status.state is not State.MISSING]
        wanted = dict.fromkeys([*read_cleared(self.root), *had])
        write_cleared(self.root, [path for path in wanted if not (self.root / path).is_file()])
        stale = [status.job.folder.as_posix() for status in after.values() if status.reads_other_content]
        if not stale:
            return []
        return [f"prehep: {', '.join(stale)} read results that were remade and now differ; run snakemake again."]


def read_cleared(root: Path) -> list[str]:
    """Return the manifests of cleared results, which are wanted even if nothing else needs them."""
    try:
        cleared: list[str] = json.loads((root / CLEARED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return cleared


def write_cleared(root: Path, manifests: Sequence[str]) -> None:
    """Remember the manifests of cleared results."""
    if manifests:
        write_text(root / CLEARED, json.dumps(sorted(manifests)))
    else:
        (root / CLEARED).unlink(missing_ok=True)
