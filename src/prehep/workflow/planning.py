"""From a configuration to its jobs: data, tokens, and what each study asks for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prehep.core.config.datasets import Dataset, FilesDataset
from prehep.core.config.event_simulation import SimulatedEvents
from prehep.core.config.remote_files import RemoteFile
from prehep.core.config.root import Config
from prehep.core.settings import Settings, defining, merge
from prehep.workflow.configuration import content_of, read_mapping, resolve
from prehep.workflow.jobs import Job, Plan, make_job
from prehep.workflow.machine import Machine, this_machine
from prehep.workflow.parts import CERTIFIED_READER, CHECKS, PARTICLE_SOURCES, modules_of
from prehep.workflow.resolution import resolve_auto, slow_precisions, uses_cuda


class ConfiguredPlan(Plan):
    """A plan with the settings that do not define results.

    Args:
        config: the configuration, resolved: nothing that defines a result is `auto`.
        targets: what is asked for; everything that these need is planned.
        workflow: folder of the workflow.
        machine: facts by which the configuration was resolved.
    """

    def __init__(self, config: Config, targets: list[Job], workflow: Path, machine: Machine) -> None:
        super().__init__(targets, workflow)
        self.config = config
        self.machine = machine

    @property
    def runtime(self) -> dict[str, Any]:
        """Return the settings that every script gets and no digest knows."""
        return {
            "device": self.config.device,
            "log_level": self.config.log_level,
            "sample_dir": self.config.sample_dir,
            "recorded": "provenance/checksums.json",
        }

    @property
    def uses_gpu(self) -> bool:
        """Tell whether trainings take the GPU of this machine."""
        return uses_cuda(self.config, self.machine)

    @property
    def devices(self) -> int:
        """Return how many processes share a pretraining."""
        return self.config.devices

    @property
    def warnings(self) -> list[str]:
        """Return sentences about settings that work but are unwise on this machine."""
        return slow_precisions(self.config, self.machine)

    @property
    def tables(self) -> list[str]:
        """Return the names of the tables that the report leaves beside it."""
        return [name for name in self.targets[0].files if name.endswith(".csv")]

    @property
    def products(self) -> list[str]:
        """Return every file of `results/` that the run must leave, so that a deleted one is made again."""
        results = [job for job in self if job.folder.is_relative_to("results")]
        return [path for job in results for path in (job.manifest, *job.payloads)]


def make_plan(values: Mapping[str, Any], config_folder: Path, machine: Machine | None = None) -> ConfiguredPlan:
    """Return every job of a merged configuration.

    Args:
        values: the merged settings.
        config_folder: where `config.yaml` and the datasets are.
        machine: what `auto` depends on; this machine where absent.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    from prehep.workflow.studies import event_study, report_job, track_study

    # Snakemake puts the keys of an overlay first; their order decides that of tables and figures
    ordered = merge(read_mapping(config_folder / "config.yaml"), values)
    checked, datasets = resolve(ordered, config_folder)
    machine = machine or this_machine()
    config = resolve_auto(checked, machine)
    data = DataJobs(datasets)
    builders = {"event_pretraining": event_study, "tracking_bert": track_study}
    studies = [builders[name](config, data) for name in config.studies]
    extra = [data.quality(name) for name in config.extra_datasets]
    return ConfiguredPlan(config, [report_job(config, data, studies, extra)], config_folder.parent, machine)


class DataJobs:
    """Makes the jobs from a dataset to its tokens, each once."""

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self.datasets = datasets

    def shards(self, name: str) -> list[Job]:
        """Return the jobs that fetch or simulate the files of a dataset."""
        dataset = self.datasets[name]
        if isinstance(dataset, FilesDataset):
            return [_fetch(name, file) for file in dataset.files]
        fields = {"dataset": name, "settings": defining(dataset)}
        if isinstance(dataset, SimulatedEvents):
            rule, parts = "simulate_events", {}
        else:
            rule, parts = "simulate_tracks", {"particles": PARTICLE_SOURCES[dataset.generator]}
        return [
            make_job(rule, f"{name}.{shard:03d}", {**fields, **parts, "shard": shard}, modules=modules_of(parts))
            for shard in range(dataset.shards)
        ]

    def ingested(self, name: str) -> Job:
        """Return the job that writes a dataset as Parquet."""
        dataset = self.datasets[name]
        shards = self.shards(name)
        fields: dict[str, Any] = {"dataset": name, "shards": [job.folder.as_posix() for job in shards]}
        parts = {}
        if content_of(self.datasets[name]) == "tracks":
            return make_job("ingest_tracks", name, fields, shards)
        if isinstance(dataset, FilesDataset):
            fields |= {"reader": dataset.reader, "missing": list(dataset.missing)}
            fields |= {"btag_branch": dataset.btag_branch, "btag_medium": dataset.btag_medium}
            if dataset.certified_runs:
                certified = _fetch(name, dataset.certified_runs)
                fields["certified"] = certified.folder.as_posix()
                parts = {"certified_reader": CERTIFIED_READER}
                shards = [*shards, certified]
        else:
            fields |= {"reader": "nanoaod", "missing": []}
            fields |= {"btag_medium": _btag_medium(dataset)}
        return make_job("ingest_events", name, {**fields, **parts}, shards, modules=modules_of(parts))

    def quality(self, name: str) -> Job:
        """Return the job that checks a dataset."""
        data = self.ingested(name)
        parts = {"check": CHECKS[content_of(self.datasets[name])]}
        fields = {"dataset": name, "data": data.folder.as_posix(), **parts}
        return make_job("check_quality", name, fields, [data], modules=modules_of(parts))

    def tokens(self, name: str, settings: Settings, scaling: Job | None = None) -> Job:
        """Return the job that makes a dataset's tokens, optionally with another's scaling."""
        quality = self.quality(name)
        data = self.ingested(name)
        fields: dict[str, Any] = {
            "name": name,
            "data": data.folder.as_posix(),
            "quality": quality.folder.as_posix(),
            "settings": defining(settings),
        }
        if content_of(self.datasets[name]) == "tracks":
            return make_job("tokenize_tracks", name, fields, [data, quality])
        fields["scaling_from"] = scaling.folder.as_posix() if scaling else None
        upstream = [data, quality] + ([scaling] if scaling else [])
        return make_job("tokenize_events", name, fields, upstream)

    def source(self, name: str) -> dict[str, str]:
        """Return year, licence and record of published files; nothing for simulation of our own."""
        dataset = self.datasets[name]
        if not isinstance(dataset, FilesDataset):
            return {}
        return {key: getattr(dataset, key) for key in ("title", "year", "licence", "record")}

    def title(self, name: str) -> str:
        """Return what the report calls a dataset."""
        return self.datasets[name].title or name

    def origin(self, name: str) -> str:
        """Return who made the data of a dataset."""
        dataset = self.datasets[name]
        return dataset.origin if isinstance(dataset, FilesDataset) else "prehep_simulation"


def _btag_medium(dataset: Dataset) -> float | None:
    return dataset.detector.btag.medium if isinstance(dataset, SimulatedEvents) else None


def _fetch(dataset: str, file: RemoteFile) -> Job:
    """Return the job of one file; without a checksum its address is what tells it from another."""
    identity = defining(file) | ({} if file.checksum else {"url": file.url})
    address = {"file": file.model_dump(mode="json")}
    return make_job("fetch_file", f"{dataset}.{file.name}", {"file": identity}, source=address)


def load_plan(configfiles: Sequence[Path] = (), root: Path = Path()) -> ConfiguredPlan:
    """Return the jobs of the configuration in a project's folder, as Snakemake would plan them.

    Args:
        configfiles: files whose values come before those of `config/config.yaml`, as with `snakemake --configfile`.
        root: folder of the project.

    Raises:
        ConfigError: a file is absent, or the configuration cannot be used.
    """
    values: dict[str, Any] = {}
    for path in (root / "config" / "config.yaml", *configfiles):
        values = merge(values, read_mapping(path))
    return make_plan(values, root / "config")
