"""Say in which respects a pretrained model is not the expected one: one phrase each, with what was found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from prehep.core.errors import FormatError

DIFFERENCES_SHOWN = 5


def setting_differences(expected: Mapping[str, Any], found: Mapping[str, Any], section: str = "") -> list[str]:
    """Return one phrase per setting that is missing, unknown or has another value, sections included."""
    phrases = []
    for name in sorted(expected.keys() | found.keys()):
        title = f"{section}{name}"
        if name not in found:
            phrases.append(f"{title} is missing, expected {expected[name]}")
        elif name not in expected:
            phrases.append(f"{title} is {found[name]}, expected no such setting")
        elif isinstance(found[name], Mapping) and isinstance(expected[name], Mapping):
            phrases += setting_differences(expected[name], found[name], f"{title}.")
        elif found[name] != expected[name]:
            phrases.append(f"{title} is {found[name]}, expected {expected[name]}")
    return phrases


def tensor_differences(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
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


def refuse(path: Path, other: str, differences: Sequence[str], remedy: str) -> None:
    """Do nothing where there are no differences.

    Args:
        path: the file that differs.
        other: what it should fit.
        differences: phrases; the first five are shown.
        remedy: what to do.

    Raises:
        FormatError: there are differences.
    """
    if differences:
        shown = "; ".join(differences[:DIFFERENCES_SHOWN])
        more = len(differences) - DIFFERENCES_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        raise FormatError(f"{path} does not fit {other}: {shown}{rest}; {remedy}.")
