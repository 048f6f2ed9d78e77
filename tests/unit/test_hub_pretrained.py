"""Pretrained models: round trip, equal bytes, and sentences that say what differs."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings, PretrainSettings
from prehep.core.errors import FormatError
from prehep.hub.loading import load_pretrained
from prehep.hub.pretrained import load_weights
from prehep.hub.saving import PretrainedConfig, build_objective, save_pretrained, save_weights
from prehep.objectives.mdm import MaskedModules

CENTRES = [[0.0, 0.0, 0.0]] * 5 + [[30.0 + k, 5.0 * k, 10.0 * k] for k in range(6)]
INFO = {"vocabulary_size": 11, "length_max": 10, "centres": CENTRES, "layers": [0] * 5 + [1] * 6}


def config(width: int = 16, layers: int = 1) -> PretrainedConfig:
    settings = PretrainSettings(
        objective=ObjectiveSettings(name="mdm", embedding="geometry"),
        model=ModelSettings(width=width, layers=layers, heads=2, feedforward=32),
    )
    return PretrainedConfig(name="tracks", settings=settings, info=INFO)


class Tied(nn.Module):
    """An embedding that is also the output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 3)
        self.output = nn.Linear(3, 4, bias=False)
        self.output.weight = self.embedding.weight


def test_round_trip(tmp_path: Path) -> None:
    objective = build_objective(config(), MaskedModules)
    save_pretrained(tmp_path, config(), objective)
    loaded = load_pretrained(tmp_path)
    assert loaded.config == config()
    assert not loaded.objective.training
    for name, tensor in objective.state_dict().items():
        assert torch.equal(loaded.objective.state_dict()[name], tensor), name
    assert set(load_file(tmp_path / "encoder.safetensors")) == set(objective.encoder.state_dict())


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    objective = build_objective(config(), MaskedModules)
    for name in ("a", "b"):
        save_pretrained(tmp_path / name, config(), objective)
    for file in ("encoder.safetensors", "objective.safetensors", "config.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_tied_weights_are_written_once_and_stay_tied(tmp_path: Path) -> None:
    first, second = Tied(), Tied()
    save_weights(first, tmp_path / "tied.safetensors")
    assert list(load_file(tmp_path / "tied.safetensors")) == ["embedding.weight"]
    load_weights(second, tmp_path / "tied.safetensors")
    assert torch.equal(second.output.weight, first.output.weight)
    assert second.output.weight is second.embedding.weight


def test_another_architecture_is_refused_with_what_differs(tmp_path: Path) -> None:
    save_pretrained(tmp_path, config(), build_objective(config(), MaskedModules))
    with pytest.raises(FormatError, match=r"has shape \(.*\), expected \(.*\)") as wider:
        load_weights(build_objective(config(width=8), MaskedModules), tmp_path / "objective.safetensors")
    assert "more; use the architecture" in str(wider.value)
    with pytest.raises(FormatError, match=r"blocks\.1\..* is missing"):
        load_weights(build_objective(config(layers=2), MaskedModules), tmp_path / "objective.safetensors")
    with pytest.raises(FormatError, match="is not part of the model"):
        load_weights(nn.Linear(2, 2), tmp_path / "objective.safetensors")


def test_absent_and_damaged_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"config\.json is missing"):
        load_pretrained(tmp_path)
    save_pretrained(tmp_path, config(), build_objective(config(), MaskedModules))
    weights = tmp_path / "objective.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(FormatError, match="cannot be read as safetensors"):
        load_pretrained(tmp_path)
    weights.unlink()
    with pytest.raises(FormatError, match=r"objective\.safetensors is missing"):
        load_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"name": "x"}')
    with pytest.raises(FormatError, match="settings: Field required"):
        load_pretrained(tmp_path)
