"""The parametrised detector on hand-made particles."""

import awkward as ak
import numpy as np
import pytest

from prehep.core.config.event_simulation import DetectorSettings, PreselectionSettings
from prehep.data.simulate.detector import detect_events, passes_selection

pytest.importorskip("fastjet")

PERFECT = DetectorSettings(
    muon_efficiency=1,
    electron_efficiency=1,
    muon_resolution=0,
    electron_resolution=0,
    jet_noise=0,
    jet_stochastic=0,
    jet_constant=0,
    jet_angle_resolution=0,
    jet_mass_resolution=0,
    met_stochastic=0,
    met_constant=0,
)


def particle(code, pt, eta, phi, status=1):
    momentum = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta), "e": pt * np.cosh(eta)}
    return {"id": code, "status": status, "mother1": 0, "p": momentum, "m": 0.0}


def detect(*events, settings=PERFECT, seed=1):
    return detect_events(ak.Array([list(event) for event in events]), settings, np.random.default_rng(seed))


def test_a_perfect_detector_returns_what_was_generated():
    muon, neutrino, pion = particle(13, 40, 0.5, 1.0), particle(-14, 30, 0.0, -2.0), particle(211, 50, -1.0, 2.5)
    event = detect([muon, neutrino, pion])[0]
    assert event.Muon.pt.tolist() == pytest.approx([40])
    assert event.Muon.charge.tolist() == [-1]
    assert event.Jet.pt.tolist() == pytest.approx([50])
    assert event.Jet.eta.tolist() == pytest.approx([-1.0])
    visible = 40 * np.exp(1j * 1.0) + 50 * np.exp(1j * 2.5)
    assert event.MET.pt == pytest.approx(abs(visible))
    assert event.MET.phi == pytest.approx(np.angle(-visible))


def test_leptons_inside_jets_stay_in_the_jet():
    events = detect([particle(13, 40, 0.0, 0.0), particle(211, 60, 0.1, 0.0)])
    assert len(events.Muon[0]) == 0
    assert events.Jet.pt[0].tolist() == pytest.approx([100])


def test_electrons_take_their_photons_back_and_muons_do_not():
    photon = particle(22, 20, 0.05, 0.0)
    events = detect([particle(-11, 40, 0.0, 0.0), photon], [particle(-13, 400, 0.0, 0.0), photon])
    assert events.Electron.pt[0].tolist() == pytest.approx([60])
    assert events.Electron.charge[0].tolist() == [1]
    assert len(events.Jet[0]) == 0
    assert events.Muon.pt[1].tolist() == pytest.approx([400])
    assert events.Jet.pt[1].tolist() == pytest.approx([20], abs=0.1) or len(events.Jet[1]) == 0
    assert events.Muon.pfRelIso03_all[1, 0] == pytest.approx(0.05, abs=0.02)


def test_objects_are_sorted_and_flavour_follows_the_hadrons():
    soft, hard = particle(211, 30, 1.0, 0.0), particle(211, 80, -1.0, 2.0)
    bottom, charm = particle(-521, 25, 1.1, 0.0, status=-83), particle(421, 60, -1.1, 2.0, status=-91)
    jets = detect([soft, hard, bottom, charm]).Jet[0]
    assert jets.pt.tolist() == pytest.approx([80, 30])
    assert jets.hadronFlavour.tolist() == [4, 5]


def test_smearing_has_the_configured_widths():
    events = [[particle(13, 40, 0.5, 1.0), particle(211, 100, -1.0, 2.5)]] * 4000
    settings = PERFECT.model_copy(
        update={"muon_resolution": 0.02, "jet_constant": 0.1, "met_constant": 10.0, "muon_efficiency": 0.9}
    )
    found = detect(*events, settings=settings)
    assert ak.mean(ak.num(found.Muon)) == pytest.approx(0.9, abs=0.02)
    assert ak.std(found.Muon.pt) / 40 == pytest.approx(0.02, rel=0.1)
    assert ak.std(found.Jet.pt[:, 0][found.Jet.pt[:, 0] > 50]) / 100 == pytest.approx(0.1, rel=0.1)
    # Jet shifts move the missing momentum along the jet; across it only the constant term acts.
    with_muon = found[ak.num(found.Muon) == 1]
    across = with_muon.MET.pt * np.sin(with_muon.MET.phi - 2.5) + 40 * np.sin(1.0 - 2.5)
    assert ak.std(across) == pytest.approx(10, rel=0.1)


def test_the_same_stream_gives_the_same_events():
    event = [particle(13, 40, 0.5, 1.0), particle(211, 50, -1.0, 2.5)]
    first, second = (detect(event, settings=DetectorSettings(), seed=4) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert first.tolist() != detect(event, settings=DetectorSettings(), seed=5).tolist()


def test_selection_asks_for_a_trigger_and_central_jets():
    def event(lepton, *jets):
        muons = [] if lepton is None else [{"pt": lepton}]
        return {"Muon": muons, "Electron": [], "Jet": [{"pt": pt, "eta": eta} for pt, eta in jets]}

    two = ((30.0, 0.0), (26.0, 2.0))
    events = ak.Array([event(26.0, *two), event(24.0, *two), event(None, *two), event(26.0, (30.0, 0.0), (40.0, 3.0))])
    events["Electron"] = events.Muon[:, :0]
    chosen = passes_selection(events, DetectorSettings(), PreselectionSettings())
    assert chosen.tolist() == [True, False, False, False]
