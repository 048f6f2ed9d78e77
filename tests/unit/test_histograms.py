"""Weighted distributions of objects and the dimuon spectrum."""

import numpy as np
import pytest

from prehep.evaluation.histograms import EventSample, dimuon_spectrum, object_distributions

MUON, ELECTRON = 0.10566, 0.000511


def sample(objects: list[list[tuple[int, float, float, float, float, float]]], weights: list[float]) -> EventSample:
    """Events of (type, pt, eta, phi, mass, charge)."""
    kinematics, types = np.zeros((len(objects), 4, 5), np.float32), np.zeros((len(objects), 4), np.int8)
    for index, event in enumerate(objects):
        for slot, (kind, *values) in enumerate(event):
            types[index, slot], kinematics[index, slot] = kind, values
    return EventSample(kinematics, types, np.array(weights, np.float32))


def test_densities_are_weighted_and_integrate_to_one():
    events = sample([[(3, 25, 0.1, 0, 5, 0)], [(3, 25, 0.1, 0, 5, 0)], [(3, 45, 0.1, 0, 5, 0)]], [1.0, 1.0, 6.0])
    table = object_distributions({"data": events})
    pt = table[(table["object"] == "leading light jet") & (table["quantity"] == "pt")].set_index("low")
    assert ((pt["high"] - pt.index) * pt["density"]).sum() == pytest.approx(1)
    assert pt.loc[20, "density"] == pytest.approx(2 / 8 / 10)
    assert pt.loc[40, "density"] == pytest.approx(6 / 8 / 10)
    assert pt.loc[20, "error"] == pytest.approx(np.sqrt(2) / 8 / 10)
    assert pt.loc[40, "error"] == pytest.approx(6 / 8 / 10)


def test_objects_that_a_sample_lacks_have_no_rows():
    table = object_distributions({"muons": sample([[(1, 30, 0, 0, MUON, 1)]], [1.0])})
    assert set(table["object"]) == {"leading muon"}
    assert set(table["quantity"]) == {"pt", "eta", "phi"}


def test_leading_is_the_hardest_whatever_the_slot():
    table = object_distributions({"data": sample([[(2, 30, 0, 0, 5, 0), (2, 95, 0, 0, 5, 0)]], [1.0])})
    rows = table[(table["quantity"] == "pt") & (table["density"] > 0)].set_index("object")["low"]
    assert rows.to_dict() == {"leading b-jet": 90, "sub-leading b-jet": 30}


def test_beside_muons_only_muons_are_drawn():
    data = sample([[(1, 30, 0, 0, MUON, 1)]], [1.0])
    simulation = sample([[(1, 95, 0, 0, ELECTRON, 1), (1, 45, 0, 0, MUON, 1)]], [1.0])
    table = object_distributions({"data": data, "simulation": simulation})
    drawn = table[(table["sample"] == "simulation") & (table["quantity"] == "pt") & (table["density"] > 0)]
    assert drawn[["object", "low"]].to_numpy().tolist() == [["leading muon", 40]]


def test_dimuon_mass_of_back_to_back_muons_falls_into_its_bin():
    pair = [(1, 45.6, 0, 0, MUON, 1), (1, 45.6, 0, np.pi, MUON, -1)]
    same_charge = [(1, 45.6, 0, 0, MUON, 1), (1, 45.6, 0, np.pi, MUON, 1)]
    table = dimuon_spectrum({"data": sample([pair, same_charge], [1.0, 1.0])})
    filled = table[table["count"] > 0]
    assert filled["count"].tolist() == [1]
    assert filled["low"].iloc[0] < 91.2 < filled["high"].iloc[0]


def test_a_sample_without_dimuons_has_no_rows_but_the_columns():
    table = dimuon_spectrum({"data": sample([[(1, 30, 0, 0, MUON, 1)]], [1.0])})
    assert table.empty
    assert list(table.columns) == ["sample", "low", "high", "count"]
