"""Start a network from pretrained weights (part of finetune_sweep)."""

from collections.abc import Iterable
from pathlib import Path

from torch import nn

from prehep.core.config.network import ModelSettings
from prehep.core.errors import ConfigError
from prehep.core.manifest import load_payload
from prehep.hub.pretrained import load_weights, read_config
from prehep.hub.saving import CONFIG, ENCODER
from prehep.stages.event_tokens import read_encoding


def load_encoder(encoder: nn.Module, pretrained: Path, tokens: Iterable[Path], architecture: ModelSettings) -> None:
    """Load pretrained weights into an encoder.

    Args:
        encoder: of the expected shape; changed in place.
        pretrained: folder of pretrain_model.
        tokens: folders of the events that the encoder will read.
        architecture: of the encoder.

    Raises:
        ConfigError: the pretrained encoder has another shape; its dropout may differ.
        FormatError: the events are not encoded as those of the pretraining were.
        CorruptPayloadError: a file differs from its manifest.
    """
    expected = read_encoding(pretrained)
    for folder in tokens:
        expected.check_same(read_encoding(folder), folder.as_posix())
    _check_same_architecture(pretrained, architecture)
    load_weights(encoder, load_payload(pretrained, ENCODER))


def _check_same_architecture(pretrained: Path, expected: ModelSettings) -> None:
    """Make sure that the pretrained encoder has the expected shape; its dropout may differ."""
    found = read_config(load_payload(pretrained, CONFIG).parent).settings.model.model_dump(exclude={"dropout"})
    wanted = expected.model_dump()
    unequal = [f"{name} {value} (expected {wanted[name]})" for name, value in found.items() if value != wanted[name]]
    if unequal:
        raise ConfigError(f"{pretrained} was trained with {', '.join(unequal)}; use the same architecture.")
