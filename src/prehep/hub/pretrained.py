"""Read and write pretrained models: safetensors beside the configuration that rebuilds the network."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from prehep.core.config.training import PretrainSettings
from prehep.core.errors import FormatError
from prehep.core.files import atomic_file, write_text
from prehep.core.settings import Settings
from prehep.objectives.base import Objective
from prehep.objectives.registry import load_objective

CONFIG = "config.json"
ENCODER = "encoder.safetensors"
OBJECTIVE = "objective.safetensors"
DIFFERENCES_SHOWN = 5


class PretrainedConfig(Settings):
    """What `config.json` of a pretrained model holds: enough to build the network again."""

    name: str
    settings: PretrainSettings
    info: dict[str, Any]


@dataclass(frozen=True)
class Pretrained:
    """A pretrained model in evaluation mode; `encoder` is the part for downstream tasks."""

    config: PretrainedConfig
    objective: Objective

    @property
    def encoder(self) -> nn.Module:
        """Return the encoder."""
        return self.objective.encoder


def load_pretrained(folder: Path) -> Pretrained:
    """Load a pretrained model with its head.

    Args:
        folder: results of pretrain_model: config.json and objective.safetensors.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        FormatError: a file is absent or unreadable, or the weights do not fit the configuration.
    """
    config = read_config(folder)
    objective = build_objective(config)
    load_weights(objective, folder / OBJECTIVE)
    return Pretrained(config, objective.eval())


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


def build_objective(config: PretrainedConfig) -> Objective:
    """Return the untrained network that a configuration describes."""
    settings = config.settings
    return load_objective(settings.objective.name).build(settings.objective, settings.model, config.info)


def save_pretrained(folder: Path, config: PretrainedConfig, objective: Objective) -> None:
    """Write config.json, encoder.safetensors and objective.safetensors."""
    write_text(folder / CONFIG, json.dumps(config.model_dump(mode="json"), indent=1) + "\n")
    save_weights(objective.encoder, folder / ENCODER)
    save_weights(objective, folder / OBJECTIVE)


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a module's parameters and buffers, tied ones once; equal weights give equal bytes."""
    # No metadata: safetensors writes its keys in random order. Not save_file: it replaces the file and its mode.
    content = safetensors.torch.save(unique_tensors(module))
    with atomic_file(path) as partial:
        partial.write_bytes(content)


def load_weights(module: nn.Module, path: Path) -> None:
    """Load weights written by `save_weights` into a module of the same shape.

    Raises:
        FormatError: the file is absent or damaged, or names or shapes differ; the sentence says which.
    """
    try:
        found = safetensors.torch.load_file(path)
    except FileNotFoundError as error:
        raise FormatError(f"{path} is missing, expected weights made by pretrain_model; check the path.") from error
    except SafetensorError as error:
        raise FormatError(f"{path} cannot be read as safetensors ({error}); fetch or pretrain it again.") from error
    differences = _differences(unique_tensors(module), found)
    if differences:
        shown = "; ".join(differences[:DIFFERENCES_SHOWN])
        more = len(differences) - DIFFERENCES_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        raise FormatError(f"{path} does not fit the model: {shown}{rest}; use the architecture it was trained with.")
    module.load_state_dict(found, strict=False)


def unique_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a module's state on the CPU by name; of tied ones only the first."""
    kept: dict[str, Tensor] = {}
    places = set()
    for name, tensor in module.state_dict().items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if tensor.numel() and place in places:
            continue
        places.add(place)
        kept[name] = tensor.detach().cpu().contiguous()
    return kept


def _differences(expected: dict[str, Tensor], found: dict[str, Tensor]) -> list[str]:
    """Return one phrase per tensor that is missing, unknown or of another shape or type."""
    phrases = [f"{name} is missing" for name in expected.keys() - found.keys()]
    phrases += [f"{name} is not part of the model" for name in found.keys() - expected.keys()]
    for name in expected.keys() & found.keys():
        wanted, given = expected[name], found[name]
        if wanted.shape != given.shape:
            phrases.append(f"{name} has shape {tuple(given.shape)}, expected {tuple(wanted.shape)}")
        elif wanted.dtype != given.dtype:
            phrases.append(f"{name} has type {given.dtype}, expected {wanted.dtype}")
    return sorted(phrases)
