"""Versions of all results, by DVC: `snapshot` stores what was run, `restore` gets it back, whole or for one figure.

The only module that calls DVC, by its command line, which is stable; run in the folder of the workflow.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from prehep.core.errors import CorruptPayloadError, StorageError
from prehep.core.files import write_text
from prehep.core.integrity import VerifiedFiles, damages
from prehep.core.manifest import MANIFEST, REMEDY
from prehep.workflow.jobs import Plan
from prehep.workflow.records import EXPORTED, export_records, import_records
from prehep.workflow.status import VERIFIED, State, survey
from prehep.workflow.targets import find_jobs

PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
NO_REMOTE = "DVC has no default remote; name one with dvc remote add --default NAME URL"


class NoRemoteError(StorageError):
    """There is no remote to push to or pull from."""


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot holds.

    Attributes:
        folders: number of results.
        complete: stages of dvc.yaml that `dvc repro` leaves alone: all they make is here and up to date.
        left: folders of the last snapshot that are not here and so not in this one; that version keeps them.
        pushed: whether a remote has everything now.
    """

    folders: int
    complete: list[str]
    left: list[str]
    pushed: bool

    def sentences(self, *, push: bool) -> list[str]:
        """Say what was done, for a user who asked to push or not."""
        complete = ", ".join(self.complete) or "no stage"
        told = [f"Stored {self.folders} results; of the default configuration complete: {complete}."]
        if self.left:
            told.append(f"{len(self.left)} results of the last snapshot are not here and not in it: {self.left[0]} …")
        if self.pushed:
            told.append("Pushed to the default remote.")
        elif push:
            told.append(f"Pushed nowhere: {NO_REMOTE}.")
        return [*told, f"Commit {LOCK} to keep this version."]


def snapshot(plan: Plan, pipeline: Plan, *, push: bool = True) -> Snapshot:
    """Store every result that is here, with Snakemake's records of it, and write `dvc.lock`.

    Args:
        plan: the jobs of the configuration in use.
        pipeline: the jobs that the commands in dvc.yaml run.
        push: copy to the default remote, where there is one.

    Raises:
        CorruptPayloadError: a result is damaged; nothing was stored.
        StorageError: there is nothing to store, or DVC failed.
    """
    stages = _stages()
    outs = [out for outs in stages.values() for out in outs]
    folders = {path.parent.as_posix() for out in outs for path in Path(out).rglob(MANIFEST)}
    if not folders:
        raise StorageError(f"{', '.join(outs)}: no finished result to store; run snakemake first.")
    _refuse_damaged(plan, folders)
    before = _last_folders()
    export_records()
    for out in outs:
        # DVC refuses to commit a stage without its outs
        Path(out).mkdir(exist_ok=True)
    _dvc("commit", "--force")
    states = survey(pipeline, times=False).values()
    unfinished = [status.job.folder.as_posix() for status in states if status.state is not State.FRESH]
    complete = [stage for stage, outs in stages.items() if not _inside(unfinished, outs)]
    _forget_dependencies(set(stages) - set(complete))
    return Snapshot(len(folders), complete, sorted(before - folders), push and _push())


def restore(plan: Plan, targets: Sequence[str] = ()) -> list[str]:
    """Get results of the last snapshot back with Snakemake's records, and check their hashes; return their folders.

    Nothing that is here and in no snapshot is overwritten or removed.

    Args:
        plan: the jobs of the configuration in use.
        targets: stages or outs of dvc.yaml, or what `find_jobs` knows: of a job everything that it needs comes too.
            All results if there are none.

    Raises:
        CorruptPayloadError: what came back differs from its manifest.
        StorageError: no snapshot, no remote, or DVC failed.
        TargetError: a target that is no job of the plan.
    """
    stages = _stages()
    if not LOCK.is_file():
        raise StorageError(f"{LOCK} is missing: this commit has no snapshot; check out one that has, or run snakemake.")
    stored = _stored()
    outs = {out for outs in stages.values() for out in outs}
    wanted = _wanted(plan, targets, stages, _folders(stored))
    missing = {folder for folder in wanted if not _is_here(folder, stored)}
    others = _loose(stored)
    # a target needs the records, but not what belongs to no result
    paths = list(_paths(missing | (_inside(others, [EXPORTED.parent.as_posix()]) if targets else others), stored, outs))
    if paths:
        _dvc("pull", *paths)
    records = EXPORTED.as_posix()
    if records in stored and stored[records] != _md5(EXPORTED):
        # every run writes this file anew, and Snakemake has its own copy of what it holds
        _dvc("pull", "--force", records)
    import_records()
    _verify(missing, stored)
    return sorted(wanted)


def _stages() -> dict[str, list[str]]:
    """Return the outs of each stage of dvc.yaml."""
    if not PIPELINE.is_file() or not Path(".dvc").is_dir():
        raise StorageError(f"{Path.cwd()} has no {PIPELINE} and .dvc; run this in the folder of the workflow.")
    stages = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["stages"]
    return {name: [next(iter(out)) for out in stage["outs"]] for name, stage in stages.items()}


def _refuse_damaged(plan: Plan, folders: set[str]) -> None:
    statuses = survey(plan, deep=True).values()
    found = [reason.subject for status in statuses if status.state is State.CORRUPT for reason in status.reasons]
    if found:
        raise CorruptPayloadError(f"{'; '.join(found)}; {REMEDY}, and take the snapshot then.")
    for folder in sorted(folders - {status.job.folder.as_posix() for status in statuses}):
        if found := damages(Path(folder), deep=True):
            raise CorruptPayloadError(
                f"{'; '.join(found)}; delete {folder}, or run prehep repair with the --configfile that it belongs to."
            )


def _forget_dependencies(stages: Collection[str]) -> None:
    """Let `dvc repro` run stages: a forced commit claims that they were made from what lies here now."""
    locked = yaml.safe_load(LOCK.read_text(encoding="utf-8"))
    for stage in stages:
        locked["stages"][stage].pop("deps", None)
    write_text(LOCK, yaml.safe_dump(locked, sort_keys=False))


def _stored() -> dict[str, str]:
    """Return the files of the last snapshot with their MD5."""
    listed = json.loads(_dvc("list", ".", "--recursive", "--dvc-only", "--show-hash", "--json"))
    return {entry["path"]: entry["md5"] for entry in listed}


def _folders(stored: Iterable[str]) -> set[str]:
    paths = (PurePosixPath(path) for path in stored)
    return {path.parent.as_posix() for path in paths if path.name == MANIFEST}


def _last_folders() -> set[str]:
    """Return the folders of the last snapshot; none where its remote is out of reach, which stops no new one."""
    try:
        return _folders(_stored()) if LOCK.is_file() else set()
    except StorageError:
        return set()


def _wanted(plan: Plan, targets: Sequence[str], stages: Mapping[str, list[str]], folders: set[str]) -> set[str]:
    """Return those of the stored folders that the targets mean and need."""
    planned = {job.folder.as_posix() for job in plan}
    known = {**stages, **{out: [out] for outs in stages.values() for out in outs}}
    known |= {folder: [folder] for folder in folders - planned}
    wanted = set() if targets else folders
    for target in targets:
        outs = known.get(target.rstrip("/"))
        jobs = [] if outs else find_jobs(plan, target)
        meant = _inside(folders, outs) if outs else {job.folder.as_posix() for job in jobs}
        if not meant or not meant <= folders:
            absent = ", ".join(sorted(meant - folders)) or target
            raise StorageError(
                f"{absent} is not in the snapshot that {LOCK} describes; run snakemake to make it, or check out a "
                "commit whose snapshot was taken with these settings."
            )
        needed = {job.folder.as_posix() for job in Plan(jobs, plan.workflow)}
        wanted = wanted | meant | (needed & folders)
    return wanted


def _inside(paths: Iterable[str], outs: Iterable[str]) -> set[str]:
    return {path for path in paths if any(PurePosixPath(path).is_relative_to(out) for out in outs)}


def _is_here(folder: str, stored: Mapping[str, str]) -> bool:
    """Tell whether a result is here as it is stored; when and where it was made does not matter."""
    manifest = Path(folder) / MANIFEST
    return _md5(manifest) == stored[manifest.as_posix()] and not damages(Path(folder), deep=True)


def _md5(path: Path) -> str | None:
    return hashlib.md5(path.read_bytes()).hexdigest() if path.is_file() else None


def _loose(stored: Iterable[str]) -> set[str]:
    """Return the stored files that belong to no result and are not here, or their folders if these are not here."""
    folders = _folders(stored)
    paths = [PurePosixPath(path) for path in stored if not Path(path).exists()]
    loose = [path for path in paths if not any(parent.as_posix() in folders for parent in path.parents)]
    return {(path if Path(path.parent).exists() else path.parent).as_posix() for path in loose}


def _paths(missing: set[str], stored: Iterable[str], outs: Iterable[str]) -> Iterator[str]:
    """Return what to ask DVC for: a whole out, which is faster, where all of it is missing; else what is missing."""
    for out in sorted(outs):
        within = _inside(missing, [out])
        if not any(Path(out).rglob("*")) and within >= _inside(_folders(stored), [out]):
            # the slash keeps DVC from taking the name for that of a stage
            yield f"{out}/"
        else:
            yield from sorted(within)


def _verify(folders: Iterable[str], stored: Mapping[str, str]) -> None:
    verified = VerifiedFiles(VERIFIED)
    found = [damage for folder in sorted(folders) for damage in damages(Path(folder), deep=True, verified=verified)]
    verified.save()
    if found:
        copies = [md5 for path, md5 in stored.items() if any(damage.startswith(f"{path} ") for damage in found)]
        names = ", ".join(f"files/md5/{md5[:2]}/{md5[2:]}" for md5 in copies)
        raise CorruptPayloadError(
            f"{'; '.join(found)}: DVC's copy is damaged; delete {names} in .dvc/cache and in the remote, {REMEDY}."
        )


def _push() -> bool:
    try:
        _dvc("push")
    except NoRemoteError:
        return False
    return True


def _dvc(*arguments: str) -> str:
    """Call DVC and return what it printed.

    Raises:
        NoRemoteError: it failed because no remote is named.
        StorageError: it failed.
    """
    done = _call(*arguments)
    if done.returncode == 0:
        return done.stdout
    error, _, rest = done.stderr.partition("ERROR: ")[2].partition("\n")
    if "unsaved files" in error:
        first, *others = rest.strip().splitlines()
        more = f" and {len(others)} more" if others else ""
        raise StorageError(
            f"{os.path.relpath(first)}{more} would be overwritten and is in no snapshot; run prehep snapshot to keep "
            "it, or delete it, and restore again."
        )
    if arguments[0] != "commit" and not _call("config", "core.remote").stdout.strip():
        raise NoRemoteError(f"Not all of this snapshot is in .dvc/cache, and {NO_REMOTE}.")
    if "Checkout failed" in error or "failed to load directory" in error:
        raise StorageError(
            "The remote does not hold this snapshot; run dvc push where it was taken, or put the address right that "
            "dvc remote list shows."
        )
    raise StorageError(f"dvc {arguments[0]} failed: {error or done.stderr.strip()}; see dvc {arguments[0]} --verbose.")


def _call(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
