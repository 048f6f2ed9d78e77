"""Physics of the generated processes."""

import awkward as ak
import numpy as np
import pytest

from prehep.core.config.event_simulation import PreselectionSettings, SimulatedEvents
from prehep.data.simulate.cocktail import simulate_shard
from prehep.data.simulate.generator import silenced_output
from prehep.data.simulate.processes import PROCESS_NAMES, PROCESSES

pytest.importorskip("pythia8mc")
pytest.importorskip("fastjet")


def simulate(process, events, jets_min=2):
    settings = SimulatedEvents(
        title="test",
        mixture={process: 1.0},
        events=events,
        shards=1,
        labels=True,
        preselection=PreselectionSettings(jets_min=jets_min),
    )
    with silenced_output():
        return simulate_shard("test", settings, 0)


def masses(first, second):
    angle = np.cosh(first.eta - second.eta) - np.cos(first.phi - second.phi)
    return np.sqrt(2 * first.pt * second.pt * angle)


def test_every_process_name_is_defined():
    assert set(PROCESSES) == set(PROCESS_NAMES)


def test_muon_pairs_make_a_z_peak_of_opposite_charges():
    events, _ = simulate("z_jets", 250, jets_min=0)
    pairs = events.Muon[ak.num(events.Muon) == 2]
    assert len(pairs) > 50
    assert ak.all(ak.sum(pairs.charge, axis=1) == 0)
    mass = ak.to_numpy(masses(pairs[:, 0], pairs[:, 1]))
    assert np.median(mass) == pytest.approx(91.0, abs=1.3)
    quartiles = np.percentile(mass, [25, 75])
    assert 1.2 < (quartiles[1] - quartiles[0]) / 1.35 < 4.5


def test_every_signal_event_has_the_whole_higgs_chain_and_one_lepton():
    events, _ = simulate("signal_2hdm", 25)
    codes = abs(events.GenPart.pdgId)
    for code, mass in ((35, 425), (37, 325), (25, 125)):
        found = events.GenPart[codes == code]
        assert ak.all(ak.num(found) >= 1)
        assert np.median(ak.to_numpy(found.mass[:, 0])) == pytest.approx(mass, rel=0.05)
    final = events.GenPart[abs(events.GenPart.status) == 23]
    final_codes = abs(final.pdgId)
    assert ak.all(ak.sum((final_codes == 11) | (final_codes == 13) | (final_codes == 15), axis=1) == 1)
    assert ak.all(ak.sum(final_codes == 5, axis=1) >= 2)


def test_semileptonic_top_pairs_are_charge_symmetric_and_cost_their_branching_fraction():
    events, summaries = simulate("ttbar_semileptonic", 120)
    charges = np.concatenate([ak.to_numpy(ak.flatten(events[name].charge)) for name in ("Muon", "Electron")])
    assert abs(charges.mean()) < 4 / np.sqrt(len(charges))
    summary = summaries["ttbar_semileptonic"]
    # Exactly one of three lepton flavours: 2 * 0.324 * 0.676 of all pairs, before any cut.
    assert summary.acceptance < summary.veto_efficiency < 0.438
    assert summary.cross_section_pb == pytest.approx(510, rel=0.15)
