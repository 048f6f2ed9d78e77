"""Reading `config/`: the merged values from Snakemake and the dataset entries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from prehep.core.config.datasets import Dataset
from prehep.core.config.loading import load_config, load_datasets
from prehep.core.config.root import Config
from prehep.core.errors import ConfigError


def read_registry(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of `config/datasets`, by name.

    Raises:
        ConfigError: an entry that is not a YAML mapping.
    """
    registry = {}
    for path in sorted(folder.glob("*.yaml")):
        entry = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(entry, dict):
            raise ConfigError(f"{path}: expected a mapping of dataset fields, found {type(entry).__name__}.")
        registry[path.stem] = entry
    return registry


def resolve(values: Mapping[str, Any], config_folder: Path) -> tuple[Config, dict[str, Dataset]]:
    """Return the checked configuration and datasets.

    Raises:
        ConfigError: an unknown key, a value that does not fit, or a dataset that does not exist.
    """
    config = load_config(values)
    datasets = load_datasets(read_registry(config_folder / "datasets"), config.datasets)
    for key, name in _mentioned(config):
        if name not in datasets:
            known = ", ".join(sorted(datasets))
            raise ConfigError(f"{key}: dataset {name} is not in {config_folder / 'datasets'}; known are {known}.")
    return config, datasets


def _mentioned(config: Config) -> list[tuple[str, str]]:
    named = [("extra_datasets", name) for name in config.extra_datasets]
    if "event_pretraining" in config.studies:
        study = config.event_pretraining
        named.append(("event_pretraining.pretrain_data", study.pretrain_data))
        named += [("event_pretraining.comparison_data", name) for name in study.comparison_data]
        for key in ("signal", "background"):
            name = getattr(study.task, key)
            if name is not None:
                named.append((f"event_pretraining.task.{key}", name))
        if study.finetune_from not in study.pretrain:
            raise ConfigError(
                f"event_pretraining.finetune_from: {study.finetune_from} is not in event_pretraining.pretrain; "
                f"known are {', '.join(study.pretrain)}."
            )
    if "tracking_bert" in config.studies:
        tracks = config.tracking_bert
        named += [("tracking_bert.pretrain_data", name) for name in tracks.pretrain_data]
        named += [("tracking_bert.evaluation_data", name) for name in tracks.evaluation_data]
    return named
