"""Electrons and muons as the detector identifies them: dressing, isolation, efficiency, resolution."""

from typing import Any

import awkward as ak
import numpy as np

from prehep.core.config.event_simulation import DetectorSettings
from prehep.data.simulate.kinematics import delta_r

ELECTRON, MUON, PHOTON = 11, 13, 22
MASSES = {ELECTRON: 0.000511, MUON: 0.105658}
ISOLATION_CONE = 0.3
DRESSING_CONE = 0.1
ISOLATION_NOISE = 1.0
"""GeV; what pile-up leaves in the cone after its subtraction."""


def identify_leptons(particles: Any, settings: DetectorSettings, random: np.random.Generator) -> tuple[Any, Any]:
    """Find isolated electrons and muons and take them, with their bremsstrahlung, out of the particles.

    Args:
        particles: visible stable particles `(events, particles)`, momentum records with id.
        settings: thresholds, efficiencies and resolutions.
        random: stream of random numbers.

    Returns:
        Leptons `(events, leptons)` with pt (GeV), eta, phi, mass, charge, code (11 or 13), pfRelIso03_all,
        generated_pt, generated_px and generated_py, by falling pt; and the particles that remain for the jets.
    """
    candidates = _isolated_candidates(particles, settings, random)
    remaining = _without(particles, candidates)
    leptons = ak.zip(
        {
            "pt": candidates.dressed_pt * _smearing(candidates, settings, random),
            "eta": candidates.eta,
            "phi": candidates.phi,
            "mass": ak.where(candidates.code == MUON, MASSES[MUON], MASSES[ELECTRON]),
            "charge": -np.sign(candidates.id),
            "code": candidates.code,
            "pfRelIso03_all": candidates.isolation,
            "generated_pt": candidates.dressed_pt,
        }
    )
    return leptons[ak.argsort(leptons.pt, axis=1, ascending=False)], remaining


def _isolated_candidates(particles: Any, settings: DetectorSettings, random: np.random.Generator) -> Any:
    """Return the identified leptons with their dressed pt, relative isolation and index among the particles."""
    particles = ak.with_field(particles, ak.local_index(particles, axis=1), "index")
    code = abs(particles.id)
    # Dressing can raise the pt of electrons, so they start lower.
    chosen = ((code == ELECTRON) | (code == MUON)) & (particles.pt > 0.5 * settings.lepton_pt_stored)
    candidates = particles[chosen & (abs(particles.eta) < settings.lepton_eta_max)]
    candidates = ak.with_field(candidates, abs(candidates.id), "code")
    pairs = ak.cartesian({"lepton": candidates, "other": particles}, nested=True)
    distance = delta_r(pairs.lepton, pairs.other)
    other = pairs.lepton.index != pairs.other.index
    photon = other & (pairs.other.id == PHOTON) & (pairs.lepton.code == ELECTRON) & (distance < DRESSING_CONE)
    dressed_pt = candidates.pt + ak.sum(pairs.other.pt * photon, axis=-1)
    cone = ak.sum(pairs.other.pt * (other & ~photon & (distance < ISOLATION_CONE)), axis=-1)
    noise = ak.unflatten(np.maximum(random.normal(0.0, ISOLATION_NOISE, ak.sum(ak.num(cone))), 0.0), ak.num(cone))
    candidates = ak.with_field(candidates, dressed_pt, "dressed_pt")
    candidates = ak.with_field(candidates, (cone + noise) / dressed_pt, "isolation")
    efficiency = ak.where(candidates.code == MUON, settings.muon_efficiency, settings.electron_efficiency)
    found = ak.unflatten(random.random(ak.sum(ak.num(cone))), ak.num(cone)) < efficiency
    kept = found & (candidates.dressed_pt > settings.lepton_pt_stored)
    return candidates[kept & (candidates.isolation < settings.lepton_isolation_max)]


def _without(particles: Any, leptons: Any) -> Any:
    """Return the particles that are neither one of the leptons nor dress one of the electrons."""
    pairs = ak.cartesian({"particle": particles, "lepton": leptons}, nested=True)
    distance = delta_r(pairs.particle, pairs.lepton)
    same = (pairs.particle.id == pairs.lepton.id) & (distance == 0)
    dressing = (pairs.particle.id == PHOTON) & (pairs.lepton.code == ELECTRON) & (distance < DRESSING_CONE)
    return particles[~ak.any(same | dressing, axis=-1)]


def _smearing(candidates: Any, settings: DetectorSettings, random: np.random.Generator) -> Any:
    """Return the factors by which the detector multiplies pt."""
    counts = ak.num(candidates)
    noise = ak.unflatten(random.normal(size=ak.sum(counts)), counts)
    resolution = ak.where(candidates.code == MUON, settings.muon_resolution, settings.electron_resolution)
    return 1.0 + resolution * noise
