"""Write pretrained models: safetensors beside the configuration that rebuilds the network."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import safetensors.torch
from pydantic import Field
from torch import Tensor, nn

from prehep.core.config.training import PretrainSettings
from prehep.core.files import atomic_file, write_text
from prehep.core.settings import Settings
from prehep.hub.description import Description, library_versions

if TYPE_CHECKING:
    from prehep.objectives.base import Objective

CONFIG = "config.json"
ENCODER = "encoder.safetensors"
OBJECTIVE = "objective.safetensors"


class PretrainedConfig(Settings):
    """What `config.json` of a pretrained model holds: enough to build the network again.

    Attributes:
        name: of the run.
        settings: objective, architecture and training.
        info: what the data say about themselves.
        tokenizer: SHA-256 of the file that says how the tokens were made (encoding.json, vocabulary.parquet).
    """

    name: str
    settings: PretrainSettings
    info: dict[str, Any]
    tokenizer: str = Field(pattern="^[0-9a-f]{64}$")

    def describe(self, part: Literal["encoder", "objective"]) -> Description:
        """Return what a file of weights written now says about itself."""
        return Description(
            name=self.name,
            part=part,
            settings=self.settings,
            tokenizer=self.tokenizer,
            versions=library_versions(),
        )


def build_objective(config: PretrainedConfig, objective: "type[Objective]") -> "Objective":
    """Return the untrained network that a configuration describes."""
    return objective.build(config.settings.objective, config.settings.model, config.info)


def save_pretrained(folder: Path, config: PretrainedConfig, objective: "Objective") -> None:
    """Write config.json, encoder.safetensors and objective.safetensors."""
    write_text(folder / CONFIG, json.dumps(config.model_dump(mode="json"), indent=1) + "\n")
    save_weights(objective.encoder, folder / ENCODER, config.describe("encoder"))
    save_weights(objective, folder / OBJECTIVE, config.describe("objective"))


def save_weights(module: nn.Module, path: Path, description: Description) -> None:
    """Write a module's parameters and buffers, tied ones once, and what they are.

    Equal weights, settings and versions give equal bytes.
    """
    # not save_file: it replaces the file and its mode
    content = safetensors.torch.save(unique_tensors(module), description.header())
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
