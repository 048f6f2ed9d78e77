"""A parametrised CMS-like detector: generated particles in, triggered and preselected events out.

Modelled: lepton dressing, isolation, efficiency and resolution; anti-kT jets with resolution and b-tag score; missing
transverse momentum with the smearing of leptons, jets and the rest. Not modelled: pile-up beyond noise terms, fake
leptons, hadronic tau reconstruction, trigger turn-on, energy-scale corrections.
"""

from typing import Any

import awkward as ak
import numpy as np

from prehep.core.config.event_simulation import DetectorSettings, PreselectionSettings
from prehep.data.simulate.jets import PARTICLE_ETA_MAX, btag_scores, cluster_jets, hadron_flavour, smear_jets
from prehep.data.simulate.kinematics import momentum_fields, total_transverse
from prehep.data.simulate.leptons import ELECTRON, MUON, identify_leptons

NEUTRINOS = (12, 14, 16)
HARD_PROCESS_STATUS = (21, 29)
LEPTON_FIELDS = ("pt", "eta", "phi", "mass", "charge", "pfRelIso03_all")


def detect_events(particles: Any, settings: DetectorSettings, random: np.random.Generator) -> Any:
    """Turn generated particles into reconstructed events, none of them rejected.

    Args:
        particles: `(events, particles)` as `ProcessGenerator.batch` returns them.
        settings: the detector.
        random: stream of random numbers.

    Returns:
        Awkward record of events: Muon and Electron `(events, leptons)` with pt, eta, phi, mass, charge, pfRelIso03_all;
        Jet `(events, jets)` with pt, eta, phi, mass, btagDeepFlavB, hadronFlavour; MET with pt and phi; GenPart with
        the hard process (pt, eta, phi, mass, pdgId, status). Momenta and masses in GeV, objects by falling pt.
    """
    everything = _with_angles(particles)
    visible = _visible(everything)
    leptons, remaining = identify_leptons(visible, settings, random)
    generated_jets = cluster_jets(remaining, settings)
    jets = smear_jets(generated_jets, settings, random)
    jets["hadronFlavour"] = hadron_flavour(generated_jets, everything, settings.jet_radius)
    scores = btag_scores(
        ak.to_numpy(ak.flatten(jets.hadronFlavour)), ak.to_numpy(ak.flatten(jets.eta)), settings.btag, random
    )
    jets["btagDeepFlavB"] = ak.unflatten(scores, ak.num(jets))
    met = _missing_momentum(visible, leptons, generated_jets, jets, settings, random)
    stored = jets[(jets.pt > settings.jet_pt_min) & (abs(jets.eta) < settings.jet_eta_max)]
    return ak.zip(
        {
            "Muon": leptons[leptons.code == MUON][list(LEPTON_FIELDS)],
            "Electron": leptons[leptons.code == ELECTRON][list(LEPTON_FIELDS)],
            "Jet": stored[ak.argsort(stored.pt, axis=1, ascending=False)],
            "MET": met,
            "GenPart": _hard_process(everything),
        },
        depth_limit=1,
    )


def passes_selection(events: Any, detector: DetectorSettings, preselection: PreselectionSettings) -> Any:
    """Tell which events have a triggering lepton and enough jets; shape `(events,)`."""
    triggered = ak.any(events.Muon.pt > detector.lepton_pt_min, axis=1)
    triggered = triggered | ak.any(events.Electron.pt > detector.lepton_pt_min, axis=1)
    counted = (events.Jet.pt > preselection.jet_pt_min) & (abs(events.Jet.eta) < preselection.jet_eta_max)
    return triggered & (ak.sum(counted, axis=1) >= preselection.jets_min)


def _with_angles(particles: Any) -> Any:
    momentum = particles.p
    return ak.zip(
        {
            **momentum_fields(momentum.px, momentum.py, momentum.pz),
            "px": momentum.px,
            "py": momentum.py,
            "pz": momentum.pz,
            "energy": momentum.e,
            "mass": particles.m,
            "id": particles.id,
            "status": particles.status,
        }
    )


def _visible(particles: Any) -> Any:
    """Return the stable particles inside the calorimeters, without neutrinos."""
    code = abs(particles.id)
    neutrino = (code == NEUTRINOS[0]) | (code == NEUTRINOS[1]) | (code == NEUTRINOS[2])
    return particles[(particles.status > 0) & ~neutrino & (abs(particles.eta) < PARTICLE_ETA_MAX)]


def _hard_process(particles: Any) -> Any:
    first, last = HARD_PROCESS_STATUS
    hard = particles[(abs(particles.status) >= first) & (abs(particles.status) <= last)]
    fields = {name: hard[name] for name in ("pt", "eta", "phi", "mass", "status")}
    return ak.zip({**fields, "pdgId": hard.id})


def _missing_momentum(
    visible: Any,
    leptons: Any,
    generated_jets: Any,
    jets: Any,
    settings: DetectorSettings,
    random: np.random.Generator,
) -> Any:
    """Return the missing transverse momentum: minus all visible, with what the detector added to each object.

    The energy outside leptons and jets is smeared per axis with sqrt(c^2 + s^2 * its scalar sum).
    """
    measured_px, measured_py = total_transverse(jets)
    true_px, true_py = total_transverse(generated_jets)
    lepton_shift = ak.zip({"pt": leptons.pt - leptons.generated_pt, "phi": leptons.phi})
    lepton_px, lepton_py = total_transverse(lepton_shift)
    clustered = ak.sum(generated_jets.pt, axis=1) + ak.sum(leptons.generated_pt, axis=1)
    rest = np.maximum(ak.to_numpy(ak.sum(visible.pt, axis=1) - clustered), 0.0)
    width = np.sqrt(settings.met_constant**2 + settings.met_stochastic**2 * rest)
    noise = width * random.normal(size=(2, len(visible)))
    px = -ak.to_numpy(ak.sum(visible.px, axis=1) + measured_px - true_px + lepton_px) + noise[0]
    py = -ak.to_numpy(ak.sum(visible.py, axis=1) + measured_py - true_py + lepton_py) + noise[1]
    return ak.zip({"pt": np.hypot(px, py), "phi": np.arctan2(py, px)})
