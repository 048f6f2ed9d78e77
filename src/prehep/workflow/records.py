"""Snakemake's records of what it ran: one file that travels with the results, and agreement with the manifests."""

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prehep.core.digests import digest_file
from prehep.core.files import write_text
from prehep.core.manifest import MANIFEST
from prehep.workflow.jobs import Plan
from prehep.workflow.status import JobStatus, State

EXPORTED = Path("provenance") / "snakemake.jsonl"
IMPORTED = Path(".snakemake") / "prehep-imported"
OUTDATED = ["stale by its manifest"]
UNEXPORTED = ("shellcmd",)
"""Absolute paths of one machine, which Snakemake does not compare."""


class Records:
    """The records in `.snakemake/metadata`: one JSON file for each output file, named by its path in base 64.

    Args:
        root: folder in which the workflow runs.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / ".snakemake" / "metadata"
        self.longest = os.pathconf(root, "PC_NAME_MAX") - 1

    def read(self, target: str) -> dict[str, Any] | None:
        """Return the record of an output file, or None."""
        try:
            record: dict[str, Any] = json.loads(self._path(target).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return record

    def write(self, target: str, record: Mapping[str, Any]) -> None:
        """Write the record of an output file."""
        # without this folder Snakemake takes the records for those of an old version
        (self.folder.parent / "incomplete").mkdir(parents=True, exist_ok=True)
        write_text(self._path(target), json.dumps(record))

    def finish(self, target: str) -> None:
        """Forget that the job of an output file may have been killed."""
        self._path(target, "incomplete").unlink(missing_ok=True)

    def remove(self, target: str) -> None:
        """Forget an output file."""
        self._path(target).unlink(missing_ok=True)

    def targets(self) -> Iterator[str]:
        """Return the output files that have a record."""
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                name = path.relative_to(self.folder).as_posix().replace("/@", "").replace("/", "").lstrip("@")
                yield base64.urlsafe_b64decode(name).decode()

    def _path(self, target: str, kind: str = "metadata") -> Path:
        name = base64.urlsafe_b64encode(target.encode()).decode()
        parts = [name[start : start + self.longest] for start in range(0, len(name), self.longest)]
        return (self.folder.parent / kind).joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])


def export_records(root: Path = Path()) -> int:
    """Write the records of all present output files to one file, sorted; return how many there are.

    Each line holds the hash of the manifest in whose folder the file lies, by which an import knows that it fits. Where
    Snakemake has no record, the line of the last export stays if it still fits.
    """
    records = Records(root)
    if not records.folder.is_dir():
        return 0
    lines = [entry for entry in _exported(root) if records.read(entry["target"]) is None and _fits(root, entry)]
    for target in records.targets():
        record = records.read(target)
        if record is not None and record.get("params") != OUTDATED and (root / target).is_file():
            shared = {key: value for key, value in record.items() if key not in UNEXPORTED}
            lines.append({"target": target, "manifest": _manifest_hash(root, target), "record": shared})
    if lines:
        lines.sort(key=lambda line: str(line["target"]))
        write_text(root / EXPORTED, "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))
        write_text(root / IMPORTED, _state(root / EXPORTED))
    return len(lines)


def import_records(root: Path = Path()) -> int:
    """Give Snakemake the exported records of files that are here as they were then and have none; return how many.

    Without effect if this very export was imported before.
    """
    records = Records(root)
    if not (root / EXPORTED).is_file() or _was_imported(root):
        return 0
    entries = _exported(root)
    wanted = [entry for entry in entries if records.read(entry["target"]) is None and _fits(root, entry)]
    for entry in wanted:
        records.write(entry["target"], entry["record"])
    if all((root / entry["target"]).is_file() for entry in entries):
        write_text(root / IMPORTED, _state(root / EXPORTED))
    return len(wanted)


def reconcile(plan: Plan, statuses: Iterable[JobStatus], root: Path = Path()) -> None:
    """Make Snakemake's records say what the manifests say.

    Snakemake compares a job's parameters with those it recorded. What it cannot see there (an input with other
    content, a result without a record) or sees wrongly (code edited while the job ran) is put right.
    """
    from snakemake.persistence import RECORD_FORMAT_VERSION

    records = Records(root)
    for status in statuses:
        expected = sorted(repr(value) for value in plan.parameters(status.job).values())
        for target in (status.job.manifest, *status.job.payloads):
            record = records.read(target) or {}
            # Snakemake does not look at the parameters in records of its earlier versions
            known = record.get("params") if record.get("record_format_version") == RECORD_FORMAT_VERSION else None
            if status.state is State.STALE and known in (None, expected):
                records.write(target, {**record, "params": OUTDATED, "record_format_version": RECORD_FORMAT_VERSION})
            elif status.state is State.FRESH:
                records.finish(target)
                if record and known != expected:
                    records.write(
                        target, {**record, "params": expected, "record_format_version": RECORD_FORMAT_VERSION}
                    )


def _exported(root: Path) -> list[dict[str, Any]]:
    path = root / EXPORTED
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _fits(root: Path, entry: Mapping[str, Any]) -> bool:
    """Tell whether an exported record is about the file that is here."""
    target = str(entry["target"])
    return (root / target).is_file() and bool(_manifest_hash(root, target) == entry["manifest"])


def _was_imported(root: Path) -> bool:
    marker = root / IMPORTED
    return marker.is_file() and marker.read_text(encoding="utf-8") == _state(root / EXPORTED)


def _state(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"


def _manifest_hash(root: Path, target: str) -> str | None:
    """Return the hash of the manifest that stands in the nearest folder above a file."""
    for folder in (root / target).parents:
        if (folder / MANIFEST).is_file():
            return digest_file(folder / MANIFEST)
        if folder == root:
            break
    return None
