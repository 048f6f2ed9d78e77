"""Reading `config/`: the merged values from Snakemake and the dataset entries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from prehep.core.config.datasets import Dataset, FilesDataset
from prehep.core.config.loading import load_config, load_datasets
from prehep.core.config.root import Config
from prehep.core.config.track_simulation import SimulatedTracks
from prehep.core.errors import ConfigError


def read_registry(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of `config/datasets`, by name.

    Raises:
        ConfigError: an entry that is not a YAML mapping.
    """
    return {path.stem: read_mapping(path) for path in sorted(folder.glob("*.yaml"))}


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file of settings.

    Raises:
        ConfigError: the file is absent, or not a YAML mapping.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; give the path of a configuration file.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, found {type(values).__name__}.")
    return values


def resolve(values: Mapping[str, Any], config_folder: Path) -> tuple[Config, dict[str, Dataset]]:
    """Return the checked configuration and datasets.

    Raises:
        ConfigError: an unknown key, a value that does not fit, or a dataset that does not exist.
    """
    config = load_config(values)
    datasets = load_datasets(read_registry(config_folder / "datasets"), config.datasets)
    for key, name, content in _mentioned(config):
        if name not in datasets:
            known = ", ".join(sorted(datasets))
            raise ConfigError(f"{key}: dataset {name} is not in {config_folder / 'datasets'}; known are {known}.")
        if content not in (None, content_of(datasets[name])):
            raise ConfigError(f"{key}: dataset {name} holds {content_of(datasets[name])}, expected {content}.")
    _check_start(config)
    return config, datasets


def content_of(dataset: Dataset) -> str:
    """Return what a dataset holds: `events` or `tracks`."""
    if isinstance(dataset, FilesDataset):
        return dataset.content
    return "tracks" if isinstance(dataset, SimulatedTracks) else "events"


def _check_start(config: Config) -> None:
    event = config.event_pretraining
    if event.finetune_from not in event.pretrain:
        raise ConfigError(
            f"event_pretraining.finetune_from: {event.finetune_from} is not in event_pretraining.pretrain; "
            f"known are {', '.join(event.pretrain)}."
        )


def _mentioned(config: Config) -> list[tuple[str, str, str | None]]:
    """Return every dataset that a configuration names: the key, the name, and what it must hold."""
    named: list[tuple[str, str | None, str | None]] = [("extra_datasets", name, None) for name in config.extra_datasets]
    if "event_pretraining" in config.studies:
        study = config.event_pretraining
        prefix = "event_pretraining"
        named.append((f"{prefix}.pretrain_data", study.pretrain_data, "events"))
        named += [(f"{prefix}.comparison_data", name, "events") for name in study.comparison_data]
        for key, name in (("signal", study.task.signal), ("background", study.task.background)):
            if study.task.kind == "processes" and name is None:
                raise ConfigError(f"{prefix}.task.{key}: a task of processes needs a dataset here, found null.")
        named.append((f"{prefix}.task.signal", study.task.signal, "events"))
        named.append((f"{prefix}.task.background", study.task.background, "events"))
    if "tracking_bert" in config.studies:
        tracks = config.tracking_bert
        named += [("tracking_bert.pretrain_data", name, "tracks") for name in tracks.pretrain_data]
        named += [("tracking_bert.evaluation_data", name, "tracks") for name in tracks.evaluation_data]
    return [(key, name, content) for key, name, content in named if name is not None]
