"""Digests of values, files and arrays (SHA-256)."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 1 << 20


def digest_value(value: Any) -> str:
    """Return the hexadecimal digest of a JSON-ready value, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def short(digest: str) -> str:
    """Return the eight characters of a digest that stand in paths."""
    return digest[:8]


def digest_file(path: Path, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of a file's bytes, read in chunks."""
    state = hashlib.new(algorithm)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            state.update(chunk)
    return state.hexdigest()


def digest_arrays(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return one digest of named arrays: names, dtypes, shapes and bytes.

    For payloads whose bytes depend on the version of their writer (ROOT), so that equal content has an equal digest.
    """
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        state.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        state.update(array.tobytes())
    return state.hexdigest()
