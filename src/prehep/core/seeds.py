"""Independent random streams from one seed and a path of names."""

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a 31-bit seed for one named purpose, equal on every platform."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def random_stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return a numpy generator for one named purpose."""
    return np.random.default_rng(derive_seed(seed, *names))
