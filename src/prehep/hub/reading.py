"""Read files of weights and what they say about themselves. Nothing here unpickles: a pickle could run any code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import safetensors
import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor

from prehep.core.errors import FormatError
from prehep.core.logging import logger
from prehep.hub.description import HEADER_KEY, Description, library_versions

PREFIX_BYTES = 8
"""A safetensors file starts with the length of its header, little-endian, and a JSON object of that length."""
FOREIGN = {
    b"PK\x03\x04": "a zip archive, as torch.save writes around a pickle, which could run any code",
    b"\x80": "a pickle, which could run any code",
    b"\x89HDF": "an HDF5 file",
    b"version https://git-lfs": "a Git LFS pointer, not the file that it stands for",
    b"<": "a web page or XML",
}
"""First bytes of other files, and what they are."""


def describe(path: Path) -> Description:
    """Return what a file of weights says about itself; only its header is read, no configuration is needed.

    Args:
        path: encoder.safetensors or objective.safetensors of a pretrained model.

    Raises:
        FormatError: the file is absent, is no safetensors, or does not describe a model of this version of prehep.
    """
    with _explained(path), safetensors.safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
    if HEADER_KEY not in header:
        raise FormatError(
            f"{path} does not say what its weights are (no {HEADER_KEY!r} in its header), expected a file made by "
            "pretrain_model; pretrain again."
        )
    try:
        return Description.model_validate_json(header[HEADER_KEY])
    except ValidationError as error:
        reason = error.errors()[0]
        where = ".".join(str(part) for part in reason["loc"]) or "all of it"
        raise FormatError(
            f"{path} describes a model that this version of prehep does not know ({where}: {reason['msg']}); "
            "use the version that wrote it, or pretrain again."
        ) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name, on the CPU.

    Raises:
        FormatError: the file is absent, damaged or no safetensors; the sentence says what it is.
    """
    with _explained(path):
        return safetensors.torch.load_file(path)


def warn_of_versions(path: Path, found: Description) -> None:
    """Warn, in one sentence, where other major or minor versions of the libraries wrote a file."""
    here = library_versions()
    changed = [
        f"{name} {version} (here {here.get(name, 'absent')})"
        for name, version in sorted(found.versions.items())
        if _minor(version) != _minor(here.get(name, ""))
    ]
    if changed:
        logger.warning("%s was written by %s; results may differ from those reported.", path, ", ".join(changed))


def _minor(version: str) -> list[str]:
    """Return major and minor version."""
    return version.split(".")[:2]


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of safetensors into sentences."""
    try:
        if path.is_dir():
            raise FormatError(f"{path} is a folder, expected a safetensors file; name the file in it.")
        yield
    except FileNotFoundError as error:
        raise FormatError(f"{path} is missing, expected weights made by pretrain_model; check the path.") from error
    except SafetensorError as error:
        foreign = _foreign(path)
        if foreign:
            raise FormatError(
                f"{path} is {foreign}, expected safetensors; it was not loaded, use a file made by pretrain_model."
            ) from error
        raise FormatError(
            f"{path} cannot be read as safetensors: it is {_damage(path, error)}; fetch or pretrain it again."
        ) from error


def _foreign(path: Path) -> str | None:
    """Return what a file is that does not look like safetensors, or None where its first bytes are not known."""
    with path.open("rb") as stream:
        start = stream.read(64)
    # the length of a header may start with any byte
    if start[PREFIX_BYTES : PREFIX_BYTES + 1] == b"{":
        return None
    return next((what for magic, what in FOREIGN.items() if start.startswith(magic)), None)


def _damage(path: Path, error: SafetensorError) -> str:
    """Return how a file is damaged."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        announced = PREFIX_BYTES + int.from_bytes(stream.read(PREFIX_BYTES), "little")
        header = stream.read(1) == b"{"
    if size == 0:
        return "empty"
    if header and size < announced:
        return f"truncated ({size} bytes, of which its header alone should have {announced})"
    return f"damaged or another format ({size} bytes; {error})"
