"""Read pretrained models that `hub.saving` wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from torch import nn

from prehep.core.errors import FormatError
from prehep.hub.description import Description
from prehep.hub.differences import refuse, setting_differences, tensor_differences
from prehep.hub.reading import describe, read_tensors, warn_of_versions
from prehep.hub.saving import CONFIG, OBJECTIVE, PretrainedConfig, build_objective, unique_tensors

if TYPE_CHECKING:
    from prehep.objectives.base import Objective


@dataclass(frozen=True)
class Pretrained:
    """A pretrained model in evaluation mode.

    Attributes:
        config: what `config.json` holds: name, settings, and what the data say about themselves.
        objective: the network with its head.
        description: what the weights say about themselves: also the tokenizer's digest and the versions that
            wrote them; `str` gives one line.
    """

    config: PretrainedConfig
    objective: "Objective"
    description: Description

    @property
    def encoder(self) -> nn.Module:
        """Return the part for downstream tasks."""
        return self.objective.encoder


def restore_pretrained(folder: Path, objective: "type[Objective]") -> Pretrained:
    """Load a pretrained model with its head; warn where other versions of the libraries wrote it.

    Args:
        folder: results of pretrain_model: config.json and objective.safetensors.
        objective: class of the task that it was trained with.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        FormatError: a file is absent or unreadable, or configuration, weights and objective do not belong together;
            the sentence says what differs.
    """
    config = read_config(folder)
    path = folder / OBJECTIVE
    description = describe(path)
    refuse(path, CONFIG, _config_differences(config, description), "use the two files of one run")
    network = _build(folder, config, objective)
    load_weights(network, path)
    warn_of_versions(path, description)
    return Pretrained(config, network.eval(), description)


def read_config(folder: Path) -> PretrainedConfig:
    """Read `config.json` of a pretrained model.

    Raises:
        FormatError: the file is absent or not the configuration of a pretrained model.
    """
    path = folder / CONFIG
    try:
        return PretrainedConfig.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FormatError(f"{path} is missing, expected a folder made by pretrain_model; check the path.") from error
    except ValidationError as error:
        reason = error.errors()[0]
        where = ".".join(str(part) for part in reason["loc"]) or "the whole file"
        raise FormatError(
            f"{path} is not a configuration of this version of prehep ({where}: {reason['msg']}); pretrain again."
        ) from error


def load_weights(module: nn.Module, path: Path) -> None:
    """Load weights written by `save_weights` into a module of the same shape.

    Raises:
        FormatError: the file is absent, damaged or no safetensors, or names or shapes differ; the sentence says which.
    """
    found = read_tensors(path)
    differences = tensor_differences(unique_tensors(module), found)
    refuse(path, "the model", differences, "use the architecture it was trained with")
    module.load_state_dict(found, strict=False)


def _config_differences(config: PretrainedConfig, found: Description) -> list[str]:
    """Return in what a file of weights belongs to another model than a configuration."""
    versionless = {"versions"}
    expected = config.describe("objective").model_dump(mode="json", exclude=versionless)
    return setting_differences(expected, found.model_dump(mode="json", exclude=versionless))


def _build(folder: Path, config: PretrainedConfig, objective: "type[Objective]") -> "Objective":
    """Return the untrained network, or say that the objective is not the one of the configuration."""
    try:
        return build_objective(config, objective)
    except KeyError as error:
        raise FormatError(
            f"{folder} was trained with {config.settings.objective.name} and its {CONFIG} has no {error} in info, "
            f"which {objective.__name__} needs; use the objective that it was trained with."
        ) from error
