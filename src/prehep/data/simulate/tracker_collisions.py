"""Top-quark pairs with pile-up from Pythia 8, as charged particles for the tracker."""

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from prehep.core.config.track_simulation import SimulatedTracks
from prehep.core.errors import FormatError
from prehep.core.seeds import derive_seed, random_stream
from prehep.data.simulate.requirements import generator_package
from prehep.data.simulate.tracker_particles import Particles, beam_spot

ENERGY = 14_000
"""Centre-of-mass energy in GeV, that of TrackML."""
PYTHIA_SEEDS = 900_000_000
ATTEMPTS = 20
HARD = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")
MINIMUM_BIAS = ("SoftQCD:nonDiffractive = on",)
"""Diffraction adds few tracks in the acceptance but five seconds of initialisation to every job."""
PT_MIN, ETA_MAX, PRODUCTION_RADIUS_MAX = 0.1, 4.0, 30.0


class TopPairs:
    """A top-quark pair and Poisson(pile_up) minimum-bias collisions, spread over the beam spot.

    Kept are stable charged particles with pt > 0.1 GeV and |eta| < 4, made less than 30 mm from the beam.
    """

    def __init__(self, settings: SimulatedTracks) -> None:
        self.settings = settings
        self.hard = _start_pythia(HARD, _pythia_seed(settings, "hard"))
        self.minimum_bias = _start_pythia(MINIMUM_BIAS, _pythia_seed(settings, "minimum_bias"))

    def particles(self, event: int) -> Particles:
        """Return the particles of one event; collision 1 is the top-quark pair.

        Raises:
            FormatError: Pythia fails again and again.
        """
        stream = random_stream(self.settings.seed, "collisions", event)
        pile_up = int(stream.poisson(self.settings.pile_up))
        self.hard.rndm.init(_pythia_seed(self.settings, "hard", event))
        self.minimum_bias.rndm.init(_pythia_seed(self.settings, "minimum_bias", event))
        batches = [*_collisions(self.hard, 1), *_collisions(self.minimum_bias, pile_up)]
        records = ak.concatenate(batches)
        particles = _charged_particles(records, self.hard.particleData)
        position = beam_spot(self.settings, stream, 1 + pile_up)[particles.vertex - 1]
        particles.position[:] += position
        return particles


def _pythia_seed(settings: SimulatedTracks, *names: str | int) -> int:
    return 1 + derive_seed(settings.seed, "pythia", *names) % (PYTHIA_SEEDS - 1)


def _start_pythia(process: tuple[str, ...], seed: int) -> Any:
    with generator_package("pythia8mc"):
        import pythia8mc
    pythia = pythia8mc.Pythia("", False)
    common = ("Print:quiet = on", "Random:setSeed = on", f"Random:seed = {seed}", f"Beams:eCM = {ENERGY}")
    accepted = [pythia.readString(line) for line in (*common, *process)]
    if not (all(accepted) and pythia.init()):
        raise FormatError(f"Pythia refuses the settings {', '.join(process)}; install pythia8mc==8.317.2.")
    return pythia


def _collisions(pythia: Any, number: int) -> list[ak.Array]:
    """Return batches of particle records with `number` collisions in all; Pythia leaves out those that fail."""
    batches: list[ak.Array] = []
    missing = number
    for _ in range(ATTEMPTS):
        if missing == 0:
            return batches
        batch = pythia.nextBatch(missing).prt
        batches.append(batch[["id", "status", "p", "m", "vProd"]])
        missing -= len(batch)
    raise FormatError(f"Pythia lacks {missing} of {number} collisions after {ATTEMPTS} attempts; change the seed.")


def _charged_particles(records: ak.Array, particle_data: Any) -> Particles:
    counts = ak.to_numpy(ak.num(records.id))
    flat = ak.flatten(records)
    pdg = ak.to_numpy(flat.id).astype(np.int64)
    final = ak.to_numpy(flat.status) > 0
    candidates = Particles(
        vertex=np.repeat(np.arange(1, len(counts) + 1), counts),
        primary=np.ones(len(pdg), np.bool_),
        pdg=pdg,
        charge=np.where(final, _charges(pdg, particle_data), 0.0),
        mass=ak.to_numpy(flat.m).astype(np.float64),
        position=_components(flat.vProd),
        momentum=_components(flat.p),
    )
    return candidates.select(_accepted(candidates))


def _accepted(particles: Particles) -> NDArray[np.bool_]:
    radius = np.hypot(particles.position[:, 0], particles.position[:, 1])
    kinematics = (particles.pt() > PT_MIN) & (np.abs(particles.eta()) < ETA_MAX)
    accepted: NDArray[np.bool_] = kinematics & (particles.charge != 0) & (radius < PRODUCTION_RADIUS_MAX)
    return accepted


def _charges(pdg: NDArray[np.int64], particle_data: Any) -> NDArray[np.float64]:
    kinds, kind = np.unique(pdg, return_inverse=True)
    return np.array([particle_data.charge(int(number)) for number in kinds])[kind]


def _components(vectors: ak.Array) -> NDArray[np.float64]:
    # Pythia names the axes of positions px, py, pz too, and gives none to particles made in the collision itself.
    axes = [ak.to_numpy(ak.fill_none(vectors[axis], 0.0)) for axis in ("px", "py", "pz")]
    return np.stack(axes, axis=1).astype(np.float64)
