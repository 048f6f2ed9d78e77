"""Start a network from pretrained weights (part of finetune_sweep)."""

from collections.abc import Iterable
from pathlib import Path

from torch import nn

from prehep.core.config.network import ModelSettings
from prehep.core.digests import digest_file, short
from prehep.core.errors import ConfigError, FormatError
from prehep.core.manifest import load_payload
from prehep.hub.description import Description
from prehep.hub.pretrained import load_weights
from prehep.hub.reading import describe, warn_of_versions
from prehep.hub.saving import ENCODER
from prehep.stages.event_tokens import ENCODING, read_encoding


def load_encoder(encoder: nn.Module, pretrained: Path, tokens: Iterable[Path], architecture: ModelSettings) -> None:
    """Load pretrained weights into an encoder; warn where other versions of the libraries wrote them.

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
    weights = load_payload(pretrained, ENCODER)
    description = describe(weights)
    _check_same_encoding(pretrained, description.tokenizer, tokens)
    _check_same_architecture(pretrained, description, architecture)
    load_weights(encoder, weights)
    warn_of_versions(weights, description)


def _check_same_encoding(pretrained: Path, digest: str, tokens: Iterable[Path]) -> None:
    """Make sure that the events can be read by an encoder trained on events of an encoding with this digest.

    Files of other digests may still agree in all that a network sees: cut flow and processes differ between data.
    """
    expected, beside = read_encoding(pretrained), digest_file(pretrained / ENCODING)
    if beside != digest:
        raise FormatError(
            f"{pretrained / ENCODING} has digest {beside}, its {ENCODER} was trained with that of digest {digest}; "
            "use the files of one run."
        )
    for folder in tokens:
        found = short(digest_file(load_payload(folder, ENCODING)))
        name = f"{folder.as_posix()} ({ENCODING} {found}, that of {pretrained.as_posix()} is {short(digest)})"
        expected.check_same(read_encoding(folder), name)


def _check_same_architecture(pretrained: Path, description: Description, expected: ModelSettings) -> None:
    """Make sure that the pretrained encoder has the expected shape; its dropout may differ."""
    found = description.settings.model.model_dump(exclude={"dropout"})
    wanted = expected.model_dump()
    unequal = [f"{name} {value} (expected {wanted[name]})" for name, value in found.items() if value != wanted[name]]
    if unequal:
        raise ConfigError(f"{pretrained} was trained with {', '.join(unequal)}; use the same architecture.")
