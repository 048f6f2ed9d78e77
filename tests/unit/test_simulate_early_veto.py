"""The vetoes before showers and hadronisation keep what the detector would accept."""

import awkward as ak
import numpy as np
import pytest

from prehep.core.config.event_simulation import DetectorSettings, SimulatedEvents
from prehep.core.errors import ConfigError
from prehep.data.simulate.detector import detect_events, passes_selection
from prehep.data.simulate.early_veto import (
    Outgoing,
    accepts_hard_leptons,
    bottom_lepton_jets,
    prompt_lepton_jets,
)
from prehep.data.simulate.generator import ProcessGenerator, silenced_output
from prehep.data.simulate.processes import PROCESSES

TTBAR = SimulatedEvents(title="test", mixture={"ttbar": 1.0}, events=1, shards=1, labels=True)


def test_hard_leptons_need_pt_and_number():
    soft, hard = Outgoing(11, 14.0, 0.0), Outgoing(-13, 16.0, 3.0)
    some, one = PROCESSES["ttbar"], PROCESSES["ttbar_semileptonic"]
    assert not accepts_hard_leptons([], some, 25.0, 2.4)
    assert not accepts_hard_leptons([soft], some, 25.0, 2.4)
    assert accepts_hard_leptons([soft, hard], some, 25.0, 2.4)
    assert not accepts_hard_leptons([soft, hard], one, 25.0, 2.4)
    assert accepts_hard_leptons([hard], one, 25.0, 2.4)


def test_showered_leptons_are_counted_as_jets_but_taus_are_not():
    electron, muon, tau = Outgoing(11, 24.0, 0.1), Outgoing(-13, 40.0, 1.0), Outgoing(15, 31.0, 1.0)
    assert prompt_lepton_jets([electron, muon, tau], 25.0, 2.4) == 2
    assert prompt_lepton_jets([tau], 25.0, 2.4) == 1
    assert prompt_lepton_jets([tau._replace(pt=29.0)], 25.0, 2.4) == 0
    assert prompt_lepton_jets([muon._replace(eta=2.6)], 25.0, 2.4) == 0


def test_only_bottom_quarks_of_the_forced_side_count():
    quark = Outgoing(5, 30.0, 0.0)
    assert bottom_lepton_jets([quark], 1, 25.0, 2.4) == 1
    assert bottom_lepton_jets([quark], -1, 25.0, 2.4) == 0


def test_the_accepted_cross_section_is_the_same_with_and_without_vetoes():
    pytest.importorskip("pythia8mc")
    pytest.importorskip("fastjet")

    def accepted(early_vetoes, events):
        with silenced_output():
            generator = ProcessGenerator("ttbar", TTBAR, 7, early_vetoes=early_vetoes)
            found = detect_events(generator.batch(events), TTBAR.detector, np.random.default_rng(1))
        share = float(ak.mean(passes_selection(found, TTBAR.detector, TTBAR.preselection)))
        error = np.sqrt(share * (1 - share) / events)
        return generator.cross_section * share, generator.cross_section * error

    (with_vetoes, first), (without, second) = accepted(True, 200), accepted(False, 300)
    assert abs(with_vetoes - without) < 4 * np.hypot(first, second)


def test_an_impossible_threshold_ends_with_an_error(monkeypatch):
    pytest.importorskip("pythia8mc")
    monkeypatch.setattr("prehep.data.simulate.early_veto.VETOES_MAX", 300)
    settings = TTBAR.model_copy(update={"detector": DetectorSettings(lepton_pt_min=6000.0)})
    with silenced_output():
        generator = ProcessGenerator("ttbar", settings, 1)
        with pytest.raises(ConfigError, match="lower lepton_pt_min"):
            generator.batch(2)
