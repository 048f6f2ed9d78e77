"""Charged particles that enter the tracker."""

from dataclasses import dataclass, fields
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from prehep.core.config.track_simulation import SimulatedTracks


@dataclass(frozen=True)
class Particles:
    """Particles of one event.

    Attributes:
        vertex: number of the collision they come from, from 1, `(particles,)`.
        primary: false where the detector simulation made them, `(particles,)`.
        pdg: PDG particle number, `(particles,)`.
        charge: in units of e, `(particles,)`.
        mass: GeV, `(particles,)`.
        position: production point, mm, `(particles, 3)`.
        momentum: GeV, `(particles, 3)`.
    """

    vertex: NDArray[np.int64]
    primary: NDArray[np.bool_]
    pdg: NDArray[np.int64]
    charge: NDArray[np.float64]
    mass: NDArray[np.float64]
    position: NDArray[np.float64]
    momentum: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self.vertex)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return the particles that a mask or an index array chooses."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def pt(self) -> NDArray[np.float64]:
        """Return the transverse momenta in GeV, `(particles,)`."""
        return np.hypot(self.momentum[:, 0], self.momentum[:, 1])

    def eta(self) -> NDArray[np.float64]:
        """Return the pseudorapidities, `(particles,)`; infinite along the beam."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.arcsinh(self.momentum[:, 2] / self.pt())

    def identity(self) -> NDArray[np.uint64]:
        """Return identifiers laid out like TrackML's: collision from bit 52, particle in it from bit 24.

        Bit 16 marks particles that the detector simulation made. None is 0, which stands for noise.
        """
        first = np.searchsorted(self.vertex, self.vertex)
        number = np.arange(len(self)) - first + 1
        secondary = (~self.primary).astype(np.int64)
        return ((self.vertex << 52) | (number << 24) | (secondary << 16)).astype(np.uint64)


class ParticleSource(Protocol):
    """Anything that makes the particles of an event from its number."""

    def particles(self, event: int) -> Particles:
        """Return the particles of one event, sorted by vertex, the same at every call."""


def beam_spot(settings: SimulatedTracks, stream: np.random.Generator, number: int) -> NDArray[np.float64]:
    """Return collision points, normally distributed around the origin, `(number, 3)` in mm."""
    spread = [settings.beam_spot_sigma_xy, settings.beam_spot_sigma_xy, settings.beam_spot_sigma_z]
    return stream.normal(size=(number, 3)) * spread
