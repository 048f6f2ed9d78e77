"""Starting a network from pretrained weights: what is loaded, and what is refused with both sides named."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from token_folders import NoSpec, write_event_tokens

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings, PretrainSettings
from prehep.core.digests import digest_file, short
from prehep.core.errors import ConfigError, FormatError
from prehep.core.manifest import publish
from prehep.hub.description import Description, library_versions
from prehep.hub.saving import save_weights
from prehep.models.event_encoder import EventEncoder
from prehep.stages.pretrained_encoder import load_encoder

MODEL = ModelSettings(width=16, layers=1, heads=2, feedforward=32)
FEATURES = 5


def new_encoder(model: ModelSettings = MODEL) -> EventEncoder:
    return EventEncoder(n_features=FEATURES, **model.model_dump())


def pretrained(folder: Path, tokens: Path, **changes: Any) -> Path:
    """Write the folder of a model that was pretrained on tokens."""
    settings = PretrainSettings(objective=ObjectiveSettings(name="masked_kinematics"), model=MODEL)
    encoding = tokens / "encoding.json"
    fields = {
        "name": "test",
        "part": "encoder",
        "settings": settings,
        "tokenizer": digest_file(encoding),
        "versions": library_versions(),
    }
    with publish(folder, NoSpec(name="test"), stage="pretrain_model") as publication:
        save_weights(new_encoder(), publication.payload("encoder.safetensors"), Description(**fields | changes))
        publication.payload("encoding.json").write_bytes(encoding.read_bytes())
    return folder


def other_encoding(folder: Path, source: Path, **changes: Any) -> Path:
    """Write tokens that differ from others in how they were encoded."""
    encoding = json.loads((source / "encoding.json").read_text()) | changes
    with publish(folder, NoSpec(name=folder.name), stage="tokenize_events") as publication:
        publication.payload("encoding.json").write_text(json.dumps(encoding))
    return folder


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return write_event_tokens(tmp_path / "tokens", events=20)


def test_the_weights_are_those_of_the_file(tmp_path: Path, tokens: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = pretrained(tmp_path / "run", tokens)
    encoder = new_encoder()
    load_encoder(encoder, folder, [tokens], MODEL.model_copy(update={"dropout": 0.2}))
    for name, tensor in load_file(folder / "encoder.safetensors").items():
        assert torch.equal(encoder.state_dict()[name], tensor), name
    assert caplog.text == ""


def test_data_may_differ_in_what_no_network_sees(tmp_path: Path, tokens: Path) -> None:
    folder = pretrained(tmp_path / "run", tokens)
    others = other_encoding(tmp_path / "others", tokens, processes=["qcd"], cut_flow={"all": 3})
    assert digest_file(others / "encoding.json") != digest_file(tokens / "encoding.json")
    load_encoder(new_encoder(), folder, [tokens, others], MODEL)


def test_another_encoding_is_refused_with_both_digests_and_what_differs(tmp_path: Path, tokens: Path) -> None:
    folder = pretrained(tmp_path / "run", tokens)
    others = other_encoding(tmp_path / "others", tokens, scaling={"mean": [0.5] * 5, "std": [1.0] * 5})
    with pytest.raises(FormatError, match=r"was tokenised with other scaling .*0\.5.*expected") as refused:
        load_encoder(new_encoder(), folder, [tokens, others], MODEL)
    found, expected = (short(digest_file(path / "encoding.json")) for path in (others, tokens))
    assert found != expected
    assert f"encoding.json {found}, that of {folder.as_posix()} is {expected}" in str(refused.value)


def test_weights_of_another_encoding_than_the_one_beside_them_are_refused(tmp_path: Path, tokens: Path) -> None:
    folder = pretrained(tmp_path / "run", tokens, tokenizer="ab" * 32)
    with pytest.raises(FormatError, match=f"has digest {digest_file(tokens / 'encoding.json')}.*{'ab' * 32}"):
        load_encoder(new_encoder(), folder, [tokens], MODEL)


@pytest.mark.parametrize("change", [{"width": 32}, {"layers": 2}, {"heads": 4}, {"feedforward": 64}])
def test_another_architecture_is_refused_with_what_differs(
    tmp_path: Path, tokens: Path, change: dict[str, int]
) -> None:
    folder = pretrained(tmp_path / "run", tokens)
    other = MODEL.model_copy(update=change)
    (name, value), *_ = change.items()
    with pytest.raises(ConfigError, match=rf"was trained with {name} {getattr(MODEL, name)} \(expected {value}\);"):
        load_encoder(new_encoder(other), folder, [tokens], other)


def test_other_versions_give_a_warning(tmp_path: Path, tokens: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = pretrained(tmp_path / "run", tokens, versions=library_versions() | {"torch": "1.13.0"})
    load_encoder(new_encoder(), folder, [tokens], MODEL)
    assert "was written by torch 1.13.0 (here " in caplog.text
    assert len(caplog.records) == 1
