"""The muon gun, which makes the simplest of the particles that enter the tracker."""

import numpy as np

from prehep.core.config.track_simulation import SimulatedTracks
from prehep.core.seeds import random_stream
from prehep.data.simulate.tracker_particles import Particles, beam_spot

MUON = 13
MUON_MASS = 0.1056584


class MuonGun:
    """Muons uniform in pt, eta and phi, each from its own point of the beam spot.

    Uniform in pt gives mostly stiff tracks and covers pt_min to pt_max evenly; the falling spectrum of collisions,
    with its soft tracks, is the part of tt events.
    """

    def __init__(self, settings: SimulatedTracks) -> None:
        self.settings = settings

    def particles(self, event: int) -> Particles:
        """Return the muons of one event, half of them positive."""
        settings, number = self.settings, self.settings.muons
        stream = random_stream(settings.seed, "muon_gun", event)
        pt = stream.uniform(settings.pt_min, settings.pt_max, number)
        eta = stream.uniform(-settings.eta_max, settings.eta_max, number)
        phi = stream.uniform(-np.pi, np.pi, number)
        charge = stream.choice([-1.0, 1.0], number)
        return Particles(
            vertex=np.ones(number, np.int64),
            primary=np.ones(number, np.bool_),
            pdg=(-MUON * charge).astype(np.int64),
            charge=charge,
            mass=np.full(number, MUON_MASS),
            position=beam_spot(settings, stream, number),
            momentum=np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=1),
        )
