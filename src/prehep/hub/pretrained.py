"""Read pretrained models that `hub.saving` wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from prehep.core.errors import FormatError
from prehep.hub.saving import CONFIG, OBJECTIVE, PretrainedConfig, build_objective, unique_tensors

if TYPE_CHECKING:
    from prehep.objectives.base import Objective

DIFFERENCES_SHOWN = 5


@dataclass(frozen=True)
class Pretrained:
    """A pretrained model in evaluation mode; `encoder` is the part for downstream tasks."""

    config: PretrainedConfig
    objective: "Objective"

    @property
    def encoder(self) -> nn.Module:
        """Return the encoder."""
        return self.objective.encoder


def restore_pretrained(folder: Path, objective: "type[Objective]") -> Pretrained:
    """Load a pretrained model with its head.

    Args:
        folder: results of pretrain_model: config.json and objective.safetensors.
        objective: class of the task that it was trained with.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        FormatError: a file is absent or unreadable, or the weights do not fit the configuration.
    """
    config = read_config(folder)
    network = build_objective(config, objective)
    load_weights(network, folder / OBJECTIVE)
    return Pretrained(config, network.eval())


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
