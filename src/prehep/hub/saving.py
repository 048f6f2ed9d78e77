"""Write pretrained models: safetensors beside the configuration that rebuilds the network."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
from torch import Tensor, nn

from prehep.core.config.training import PretrainSettings
from prehep.core.files import atomic_file, write_text
from prehep.core.settings import Settings

if TYPE_CHECKING:
    from prehep.objectives.base import Objective

CONFIG = "config.json"
ENCODER = "encoder.safetensors"
OBJECTIVE = "objective.safetensors"


class PretrainedConfig(Settings):
    """What `config.json` of a pretrained model holds: enough to build the network again."""

    name: str
    settings: PretrainSettings
    info: dict[str, Any]


def build_objective(config: PretrainedConfig, objective: "type[Objective]") -> "Objective":
    """Return the untrained network that a configuration describes."""
    return objective.build(config.settings.objective, config.settings.model, config.info)


def save_pretrained(folder: Path, config: PretrainedConfig, objective: "Objective") -> None:
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
