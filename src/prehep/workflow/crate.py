"""A finished run as Workflow Run RO-Crate: its files, with a machine-readable record of how each was made.

It follows the most detailed of the profiles, Provenance Run Crate 0.5: an action for the run and one for each job, told
by manifests and `run_info.json`. A file that is not copied is described by path, size and hash all the same, under a
local identifier (`#runs/…`), which RO-Crate keeps for files that are not part of a crate.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from pydantic import BaseModel, ValidationError
from rocrate.model import ContextEntity, Entity
from rocrate.rocrate import ROCrate

from prehep.core.digests import digest_file, short
from prehep.core.errors import ExportError
from prehep.core.manifest import MANIFEST, RUN_INFO, Manifest, Payload, load_payload
from prehep.workflow.jobs import Job
from prehep.workflow.planning import ConfiguredPlan
from prehep.workflow.status import State, survey

ROCRATE_VERSION = "1.1"
"""The one that the profiles build on."""
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
DONE = "http://schema.org/CompletedActionStatus"
WORKFLOW = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
SCRIPT = ["File", "SoftwareSourceCode"]
CITATION = "CITATION.cff"
README = "README.md"
PARTS = (
    "rules/*.smk",
    "workflow_scripts/*.py",
    "config/**/*.yaml",
    "config/schema.json",
    "profiles/**/*.yaml",
    "dvc.*",
    "constraints.txt",
    "pyproject.toml",
    CITATION,
    "LICENSE",
    README,
)
ENCODINGS = {
    "": "text/plain",
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".smk": "text/plain",
    ".toml": "application/toml",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
}


class RunInfo(BaseModel):
    """What `run_info.json` tells of a job: when it started, for how many seconds it ran, and with what."""

    started: datetime
    seconds: float
    python: str
    platform: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Finished:
    """A job with the records that it left."""

    job: Job
    manifest: Manifest
    info: RunInfo


def export_crate(
    plan: ConfiguredPlan,
    output: Path,
    *,
    configfiles: Sequence[Path] = (),
    root: Path = Path(),
    with_data: bool = False,
    agent: str | None = None,
) -> int:
    """Write a finished run as RO-Crate and return the number of its jobs.

    Args:
        plan: the jobs of the configuration.
        output: folder to write, which must not exist.
        configfiles: configuration files beside `config/config.yaml`.
        root: folder in which the workflow ran.
        with_data: copy every payload, not only the results.
        agent: name of the person who ran it.

    Raises:
        ExportError: the run is not finished, or a file that the crate needs is missing.
        CorruptPayloadError: a file to copy differs from its manifest.
    """
    if output.exists():
        raise ExportError(f"{output}: expected no such folder, found one; delete it or name another with --output.")
    jobs = _finished(plan, root)
    crate = RunCrate(plan, root, with_data=with_data)
    crate.describe(configfiles)
    crate.record(jobs, agent)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".partial-") as scratch:
        written = Path(scratch) / output.name
        crate.crate.write(written)
        written.rename(output)
    return len(jobs)


def _finished(plan: ConfiguredPlan, root: Path) -> list[Finished]:
    """Return every job with its records, each after those that it reads."""
    found = survey(plan, root=root).values()
    bad = [status for status in found if status.state is not State.FRESH]
    if bad:
        named = ", ".join(f"{status.job.folder} ({status.state})" for status in bad[:3])
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise ExportError(
            f"run {plan.config.name}: expected {len(found)} finished jobs, found {len(found) - len(bad)}, without "
            f"{named}{more}; run prehep repair and snakemake with the same --configfile, then export again."
        )
    return [
        Finished(status.job, status.manifest, _run_info(root / status.job.folder / RUN_INFO))
        for status in found
        if status.manifest is not None
    ]


def _run_info(path: Path) -> RunInfo:
    try:
        return RunInfo.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError) as error:
        raise ExportError(
            f"{path}: expected when the job ran and with which versions, found no such record; "
            f"delete {path.parent} and run snakemake."
        ) from error


class RunCrate:
    """A crate under construction.

    Args:
        plan: the jobs of the configuration.
        root: folder in which the workflow ran.
        with_data: copy every payload, not only the results.
    """

    def __init__(self, plan: ConfiguredPlan, root: Path, *, with_data: bool) -> None:
        self.plan = plan
        self.root = root
        self.with_data = with_data
        self.crate = ROCrate(version=ROCRATE_VERSION)
        self.crate.metadata.extra_contexts.append(TERMS)
        self.top: Entity = self.crate.root_dataset
        self.configuration: list[Entity] = []

    def describe(self, configfiles: Sequence[Path]) -> None:
        """Add what the crate is, who made the workflow, and the files of the workflow."""
        home = self.plan.workflow
        citation = _citation(home / CITATION)
        licence = citation["license"]
        self.top["name"] = f"prehep run {self.plan.config.name}"
        self.top["description"] = f"{citation['title']}: a finished run of the configuration {self.plan.config.name}."
        self.top["license"] = self._add(f"https://spdx.org/licenses/{licence}", "CreativeWork", name=licence)
        self.top.append_to("author", [self._author(author) for author in citation["authors"]], compact=True)
        self.top["conformsTo"] = [
            self._add(identifier, "CreativeWork", name=title, version=identifier.rpartition("/")[2])
            for identifier, title in PROFILES.items()
        ]
        for path in sorted({path for pattern in PARTS for path in home.glob(pattern)}):
            file = self._copy(path, path.relative_to(home))
            if path.name == README:
                file["about"] = self.top
        for path in (home / "config" / "config.yaml", *configfiles):
            inside = path.resolve().is_relative_to(home.resolve())
            place = path.resolve().relative_to(home.resolve()) if inside else Path("configuration", path.name)
            self.configuration.append(self._copy(path, place))

    def record(self, jobs: Sequence[Finished], agent: str | None) -> None:
        """Add what ran, when, with what, on what, and what came out."""
        who = {"agent": self._add(_local(agent), "Person", name=agent)} if agent else {}
        files = {done.job.manifest: self._files(done) for done in jobs}
        actions = [self._action(done, files, who) for done in jobs]
        workflow, engine = self._workflow(jobs)
        steps = self._steps(workflow, jobs)
        controls = [
            self._add(f"#control/{done.job.folder}", "ControlAction", instrument=steps[done.job.rule], object=action)
            for done, action in zip(jobs, actions, strict=True)
        ]
        run = self._add(
            "#run",
            "CreateAction",
            name=f"Run of the configuration {self.plan.config.name}",
            description=f"{len(jobs)} jobs called by Snakemake, in one call or in several.",
            instrument=workflow,
            object=self.configuration,
            result=[file for done in jobs if _is_result(done.job.folder) for file in files[done.job.manifest]],
            **_when([done.info for done in jobs]),
            **who,
        )
        self._add("#engine", "OrganizeAction", name="Snakemake", instrument=engine, object=controls, result=run)
        self.top["mentions"] = [run, *actions]

    def _action(self, done: Finished, files: Mapping[str, list[Entity]], who: Mapping[str, Entity]) -> Entity:
        """Add the run of a job, which reads the files of the jobs before it."""
        job = done.job
        read = [file for upstream in job.upstream for file in files[upstream.manifest]]
        if job.source:
            read.append(self._fetched(done))
        revision, info = short(done.manifest.revision), done.info
        return self._add(
            f"#job/{job.folder}",
            "CreateAction",
            name=f"{job.rule} {job.name}",
            description=f"Revision {revision}, with Python {info.python} on {info.platform}.",
            instrument=self.crate.get(f"workflow_scripts/{job.rule}.py"),
            object=read,
            result=[*files[job.manifest], self._copy(self.root / job.folder / RUN_INFO, job.folder / RUN_INFO)],
            **_when([done.info]),
            **who,
        )

    def _fetched(self, done: Finished) -> Entity:
        """Add the file that a job downloaded, which stays where it is."""
        file = done.job.source["file"]
        size = {"contentSize": str(file["size"])} if file["size"] else {}
        facts = {"sdDatePublished": done.info.started.isoformat(), **size, **_format(file["name"])}
        entity: Entity = self.crate.add_file(file["url"], properties=facts)
        return entity

    def _files(self, done: Finished) -> list[Entity]:
        """Add the manifest and the payloads of a job, which later jobs may read."""
        folder = done.job.folder
        manifest = self._copy(self.root / folder / MANIFEST, folder / MANIFEST)
        return [manifest, *(self._payload(folder, name, payload) for name, payload in done.manifest.payloads.items())]

    def _payload(self, folder: Path, name: str, payload: Payload) -> Entity:
        if self.with_data or _is_result(folder):
            return self._copy(load_payload(self.root / folder, name), folder / name)
        place = f"{folder}/{name}"
        facts = {"contentSize": str(payload.size), "sha256": payload.sha256, "alternateName": place}
        return self._add(f"#{place}", "File", **facts, **_format(name))

    def _copy(self, path: Path, place: Path) -> Entity:
        """Add a file that the crate contains."""
        facts = {"contentSize": str(path.stat().st_size), "sha256": digest_file(path), **_format(place.name)}
        kind = {"@type": SCRIPT} if path.suffix == ".py" else {}
        entity: Entity = self.crate.add_file(path, place, properties={**kind, **facts})
        return entity

    def _workflow(self, jobs: Sequence[Finished]) -> tuple[Entity, Entity]:
        """Add the workflow with the software that it needs, and Snakemake, which ran it."""
        used, last = {pair for done in jobs for pair in done.info.versions.items()}, jobs[-1].info.versions
        path = self.plan.workflow / "Snakefile"
        workflow: Entity = self.crate.add_workflow(
            path, path.name, main=True, lang="snakemake", properties={"@type": WORKFLOW, **_format(path.name)}
        )
        workflow["version"] = last["prehep"]
        workflow["softwareRequirements"] = [self._software(name, version) for name, version in sorted(used)]
        return workflow, self._software("snakemake", last["snakemake"])

    def _steps(self, workflow: Entity, jobs: Sequence[Finished]) -> dict[str, Entity]:
        """Add a step for each rule that ran, in order, carried out by the rule's script."""
        rules = dict.fromkeys(done.job.rule for done in jobs)
        tools = {rule: self.crate.get(f"workflow_scripts/{rule}.py") for rule in rules}
        steps = {
            rule: self._add(f"#step/{rule}", "HowToStep", name=rule, position=str(position), workExample=tool)
            for position, (rule, tool) in enumerate(tools.items())
        }
        for tool in tools.values():
            tool["version"] = workflow["version"]
        workflow["hasPart"] = list(tools.values())
        workflow["step"] = list(steps.values())
        return steps

    def _software(self, name: str, version: str) -> Entity:
        url = f"https://pypi.org/project/{name}/{version}/"
        return self._add(url, "SoftwareApplication", name=name, softwareVersion=version, url=url)

    def _author(self, author: Mapping[str, str]) -> Entity:
        """Add an author of the citation file, in which only persons have family names."""
        kind = "Person" if "family-names" in author else "Organization"
        name = author.get("name") or f"{author['given-names']} {author['family-names']}"
        return self._add(author.get("orcid") or _local(name), kind, name=name)

    def _add(self, identifier: str, kind: str, **properties: Any) -> Entity:
        """Add an entity that is no file of the crate; RO-Crate wants neither empty lists nor lists of one."""
        given = {
            name: value[0] if isinstance(value, list) and len(value) == 1 else value
            for name, value in properties.items()
            if value != []
        }
        entity: Entity = self.crate.add(ContextEntity(self.crate, identifier, {"@type": kind, **given}))
        return entity


def _citation(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ExportError(f"{path}: expected title, authors and licence, found no file; take it from the repository.")
    citation: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return citation


def _is_result(folder: Path) -> bool:
    return folder.is_relative_to("results")


def _local(name: str) -> str:
    return f"#{quote(name)}"


def _format(name: str) -> dict[str, str]:
    return {"name": name, "encodingFormat": ENCODINGS.get(Path(name).suffix, "application/octet-stream")}


def _when(infos: Iterable[RunInfo]) -> dict[str, str]:
    """Return when the first of some jobs started and the last ended."""
    times = [(info.started, info.started + timedelta(seconds=info.seconds)) for info in infos]
    first, last = min(start for start, _ in times), max(end for _, end in times)
    return {
        "startTime": first.isoformat(timespec="milliseconds"),
        "endTime": last.isoformat(timespec="milliseconds"),
        "actionStatus": DONE,
    }
