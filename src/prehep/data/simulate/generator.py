"""Pythia 8 as a source of particle batches, with early vetoes that leave the accepted cross section exact.

An event costs about 2 ms, most of it in showers and hadronisation. Two vetoes act before them: on the hard process
(is there a lepton that could trigger?) and after the showers (is there still one, and are there enough parton jets?).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.core.config.processes import Process
from prehep.core.errors import ConfigError
from prehep.data.simulate.bottom_decays import bottom_weights, force_semileptonic_bottom
from prehep.data.simulate.early_veto import VETOES_MAX, early_veto
from prehep.data.simulate.processes import PROCESSES, ProcessDefinition
from prehep.data.simulate.requirements import generator_package

PYTHIA_SEEDS = 900_000_000


def require_generators() -> None:
    """Check that the optional generator packages can be imported.

    Raises:
        MissingGeneratorError: `pythia8mc` or `fastjet` is not installed.
    """
    for package in ("pythia8mc", "fastjet"):
        with generator_package(package):
            import_module(package)


@contextmanager
def silenced_output() -> Iterator[None]:
    """Discard what C++ libraries print to standard output (banners), so that logs stay readable."""
    sys.stdout.flush()
    kept, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(null)


class ProcessGenerator:
    """One Pythia instance for one process.

    Args:
        process: which process.
        settings: the dataset; its detector and preselection thresholds steer the early vetoes.
        seed: any non-negative integer.
        forced_side: `qcd_bb` only: 1 forces the b-quark side of each event to decay to leptons, -1 the other side.
        early_vetoes: false generates every event (to check the vetoes).
    """

    def __init__(
        self,
        process: Process,
        settings: SimulatedEvents,
        seed: int,
        *,
        forced_side: int = 1,
        early_vetoes: bool = True,
    ) -> None:
        import pythia8mc

        self.process = process
        self.definition = PROCESSES[process]
        self.forced_side = forced_side
        self.generated = 0
        self.branching: dict[int, float] = {}
        self._pythia = pythia8mc.Pythia("", False)
        for line in _settings_lines(self.definition, settings, seed):
            if not self._pythia.readString(line):
                raise ConfigError(f"Pythia refuses the setting '{line}' of process {process}; correct it.")
        if self.definition.leptons == "from_bottom":
            self.branching = force_semileptonic_bottom(self._pythia, forced_side)
        # Pythia keeps no Python reference to its hook, so it must live as long as this object.
        self._veto = early_veto(self.definition, settings, forced_side) if early_vetoes else None
        if self._veto is not None:
            self._pythia.setUserHooksPtr(self._veto)
        if not self._pythia.init():
            raise ConfigError(f"Pythia cannot initialise process {process}; check its settings.")

    def batch(self, events: int) -> Any:
        """Generate events that pass the early vetoes.

        Returns:
            Awkward array `(events, particles)` with fields id, status, mother1, p.{px,py,pz,e} (GeV) and m (GeV).

        Raises:
            ConfigError: a million events in a row were vetoed.
        """
        particles = self._pythia.nextBatch(events).prt
        if self._veto is not None and self._veto.exhausted:
            raise ConfigError(
                f"None of {VETOES_MAX} events of {self.process} has the lepton and jets that the detector thresholds "
                f"ask for; lower lepton_pt_min or jets_min."
            )
        self.generated += len(particles)
        return particles

    def weights(self, particles: Any) -> NDArray[np.float64]:
        """Return for each event the correction for forced decays, 1 where nothing is forced.

        With one side of a b b-bar event forced, the correction is the product of the branching fractions of the forced
        hadrons, times 2 for the mirrored events (the other side forced), times 1/2 where the other side decayed
        to a lepton as well and the event is therefore represented twice.
        """
        if not self.branching:
            return np.ones(len(particles))
        return bottom_weights(particles, self.branching, self.forced_side)

    @property
    def cross_section(self) -> float:
        """Cross section in pb of the events that pass the early vetoes, before forced-decay corrections."""
        return float(self._pythia.infoPython().sigmaGen()) * 1e9

    @property
    def veto_efficiency(self) -> float:
        """Share of the hard events that pass the early vetoes."""
        info = self._pythia.infoPython()
        return float(info.nAccepted()) / max(float(info.nSelected()), 1.0)


def _settings_lines(definition: ProcessDefinition, settings: SimulatedEvents, seed: int) -> tuple[str, ...]:
    return (
        "Print:quiet = on",
        f"Beams:eCM = {settings.energy}",
        f"PartonLevel:MPI = {'on' if settings.multi_parton_interactions else 'off'}",
        "Random:setSeed = on",
        # A seed of 0 would mean the clock.
        f"Random:seed = {1 + seed % (PYTHIA_SEEDS - 1)}",
        *definition.settings,
    )
