"""Lost hits and noise hits, which the fast simulation lacks."""

import numpy as np
from numpy.typing import NDArray

from prehep.data.simulate.tracker_hits import NOISE, Hits
from prehep.data.simulate.tracker_modules import Modules


def lose_hits(hits: Hits, inefficiency: float, stream: np.random.Generator) -> Hits:
    """Return the hits that survive when each is lost independently with probability `inefficiency`."""
    return hits.select(stream.random(len(hits)) >= inefficiency)


def add_noise(hits: Hits, modules: Modules, fraction: float, stream: np.random.Generator) -> Hits:
    """Return the hits with noise hits among them, in the order of the modules.

    The number of noise hits is Poisson with the mean that makes them `fraction` of all hits. Each lies in a random
    cell of a random module; its particle is -1, its momentum 0.
    """
    number = int(stream.poisson(len(hits) * fraction / (1 - fraction)))
    module = stream.integers(0, len(modules), number)
    position = modules.to_global(module, *_random_cells(modules, module, stream))
    nothing = np.zeros((number, 3))
    noise = Hits(module, np.full(number, NOISE), position, position, nothing)
    every = hits.joined(noise)
    return every.select(np.argsort(every.module, kind="stable"))


def _random_cells(
    modules: Modules, module: NDArray[np.int64], stream: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return u and v of the centres of random cells; v is drawn in proportion to the width there."""
    low, high = modules.half_width_low[module], modules.half_width_high[module]
    share, other = stream.random(len(module)), stream.random(len(module))
    # A height uniform in 0..1 is mirrored with the probability that makes its density follow the width.
    swap = other * (low + high) > low + (high - low) * share
    height = np.where(swap, 1 - share, share)
    half_width = low + (high - low) * height
    u = half_width * (2 * stream.random(len(module)) - 1)
    v = modules.half_length[module] * (2 * height - 1)
    pitch = modules.pitch()[module]
    return _cell_centre(u, high, pitch[:, 0]), _cell_centre(v, modules.half_length[module], pitch[:, 1])


def _cell_centre(
    value: NDArray[np.float64], half: NDArray[np.float64], pitch: NDArray[np.float64]
) -> NDArray[np.float64]:
    return -half + (np.floor((value + half) / pitch) + 0.5) * pitch
