"""The NanoAOD-format file: branches, types, labels and digest."""

import time

import awkward as ak
import numpy as np
import pytest
import uproot

from prehep.data.simulate.nanoaod_writer import digest_branches, nanoaod_branches, write_nanoaod


def events(muon_pt=40.0):
    lepton = {"pt": muon_pt, "eta": 0.1, "phi": 0.2, "mass": 0.105, "charge": -1.0, "pfRelIso03_all": 0.05}
    jet = {"pt": 55.0, "eta": 1.0, "phi": -2.0, "mass": 8.0, "hadronFlavour": 5, "btagDeepFlavB": 0.9}
    part = {"pt": 1.0, "eta": 0.0, "phi": 0.0, "mass": 173.0, "status": 22, "pdgId": -6}
    rows = [
        {"Muon": [lepton], "Electron": [], "Jet": [jet, jet], "GenPart": [part], "MET": {"pt": 30.0, "phi": 1.0}},
        {"Muon": [], "Electron": [lepton], "Jet": [], "GenPart": [part], "MET": {"pt": 10.0, "phi": -1.0}},
    ]
    array = ak.Array(rows)
    array["run"], array["luminosityBlock"] = np.ones(2), np.full(2, 3)
    array["event"] = np.array([2**62, 2**62 + 1], dtype=np.uint64)
    array["genWeight"], array["Generator_process"] = np.array([0.5, 0.25]), np.array([0, 5])
    return array


def read(tmp_path, *, labels):
    path = tmp_path / "events.root"
    write_nanoaod(path, nanoaod_branches(events(), labels=labels))
    with uproot.open(path) as file:
        return file["Events"].arrays(), {name: branch.typename for name, branch in file["Events"].items()}


def test_branches_come_back_with_nanoaod_names_and_types(tmp_path):
    arrays, types = read(tmp_path, labels=True)
    assert arrays.nMuon.tolist() == [1, 0]
    assert arrays.Jet_pt.tolist() == [[55.0, 55.0], []]
    assert arrays.Electron_charge.tolist() == [[], [-1]]
    assert arrays.event.tolist() == [2**62, 2**62 + 1]
    assert arrays.genWeight.tolist() == [0.5, 0.25]
    assert arrays.GenPart_pdgId.tolist() == [[-6], [-6]]
    expected = {
        "run": "uint32_t",
        "luminosityBlock": "uint32_t",
        "event": "uint64_t",
        "Muon_pt": "float[]",
        "Muon_charge": "int32_t[]",
        "MET_phi": "float",
        "Jet_hadronFlavour": "int32_t[]",
    }
    assert {name: types[name] for name in expected} == expected


def test_pseudo_data_carry_no_label_and_have_weights(tmp_path):
    arrays, _ = read(tmp_path, labels=False)
    assert not [name for name in arrays.fields if "Gen" in name or "Flavour" in name]
    assert "genWeight" in arrays.fields


def test_equal_events_give_equal_bytes_at_another_time_and_place(tmp_path):
    written = []
    for folder in ("first", "another"):
        path = tmp_path / folder / "events.root"
        path.parent.mkdir()
        write_nanoaod(path, nanoaod_branches(events(), labels=True))
        written.append(path.read_bytes())
        # the dates in a ROOT file are in whole seconds
        time.sleep(1.1)
    assert written[0] == written[1]


@pytest.mark.parametrize("change", ["value", "shape", "label"])
def test_the_digest_depends_on_every_array(change):
    reference = digest_branches(nanoaod_branches(events(), labels=True))
    assert reference == digest_branches(nanoaod_branches(events(), labels=True))
    changed = {
        "value": nanoaod_branches(events(muon_pt=41.0), labels=True),
        "shape": nanoaod_branches(events()[:1], labels=True),
        "label": nanoaod_branches(events(), labels=False),
    }[change]
    assert digest_branches(changed) != reference
