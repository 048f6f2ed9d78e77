"""Selection and slots: hand-made events, missing objects, and a slow reference."""

from typing import Any

import awkward as ak
import numpy as np
import pytest

from prehep.core.config.event_tokens import EventTokenSettings
from prehep.core.errors import ConfigError
from prehep.tokens.event_selection import COLUMNS, available_objects, clean_jets, select_events

ALL = tuple(COLUMNS)
COLUMN_NAMES = tuple(f"{name}_{field}" for name, fields in COLUMNS.items() for field in fields)
OPEN = {"leptons_min": 0, "jets_min": 0}


def make_events(*events: dict[str, Any]) -> ak.Array:
    """Build events from {"Muon": [(pt, eta, phi, mass, charge), …], "MET": (pt, phi)}; what is not given is empty."""
    columns: dict[str, Any] = {}
    for name, fields in COLUMNS.items():
        for column, field in enumerate(fields):
            if name == "MET":
                columns[f"MET_{field}"] = np.array([event["MET"][column] for event in events], np.float32)
            else:
                lists = [[float(entry[column]) for entry in event.get(name, [])] for event in events]
                columns[f"{name}_{field}"] = ak.enforce_type(ak.Array(lists), "var * float32")
    return ak.Array(columns)


TYPICAL = {
    "Muon": [(30, 0.5, 1.0, 0.106, -1)],
    "Electron": [(40, -1.0, -2.0, 0.0005, 1), (26, 2.0, 0.0, 0.0005, 1)],
    "Jet": [
        (50, 0.1, 3.0, 8, 0.9),
        (90, 0.2, -1.0, 12, 0.1),
        (60, 1.1, 2.0, 9, 0.8),
        (45, -2.0, 1.5, 7, 0.2),
        (35, -0.5, -0.5, 6, 0.1),
    ],
    "MET": (55, 0.7),
}


def test_slots_hold_the_leading_objects_of_each_kind() -> None:
    selected = select_events(make_events(TYPICAL), EventTokenSettings(), ALL, btag_medium=0.5)
    assert selected.types.tolist() == [[1, 4, 2, 2, 3, 3]]
    assert selected.kinematics[0, :, 0].tolist() == [40, 55, 60, 50, 90, 45]
    assert selected.kinematics[0, 0].tolist() == pytest.approx([40, -1, -2, 0.0005, 1])
    assert selected.kinematics[0, 1].tolist() == pytest.approx([55, 0, 0.7, 0, 0])
    assert selected.kinematics[0, 2].tolist() == pytest.approx([60, 1.1, 2, 9, 0])


def test_slots_in_another_order_and_number() -> None:
    settings = EventTokenSettings(slots=("light_jet", "lepton", "light_jet", "lepton", "light_jet", "lepton"))
    selected = select_events(make_events(TYPICAL), settings, ALL, btag_medium=0.5)
    assert selected.kinematics[0, :, 0].tolist() == [90, 40, 45, 30, 35, 26]


def test_absent_objects_leave_padding() -> None:
    event = {"Muon": [(30, 0.5, 1.0, 0.1, -1)], "Jet": [(50, 0.1, 3.0, 8, 0.9)], "MET": (55, 0.7)}
    selected = select_events(make_events(event), EventTokenSettings(jets_min=1), ALL, btag_medium=0.5)
    assert selected.types.tolist() == [[1, 4, 2, 0, 0, 0]]
    assert (selected.kinematics[0, 3:] == 0).all()


def test_thresholds_cut_flow_and_cuts() -> None:
    soft = {**TYPICAL, "Muon": [(10, 0.5, 1.0, 0.1, -1)], "Electron": []}
    forward = {**TYPICAL, "Jet": [(50, 3.0, 3.0, 8, 0.9), (50, 0, 3.0, 8, 0.9)]}
    untagged = {**TYPICAL, "Jet": [(50, 0.3, 3.0, 8, 0.1), (50, 0, 0.0, 8, 0.1)]}
    settings = EventTokenSettings(bjets_min=1)
    selected = select_events(make_events(TYPICAL, soft, forward, untagged), settings, ALL, btag_medium=0.5)
    assert selected.cut_flow == {"all": 4, "leptons": 3, "jets": 2, "bjets": 1, "light_jets": 1, "filled_slots": 1}
    assert selected.chosen.tolist() == [True, False, False, False]
    assert len(selected.kinematics) == 1


def test_light_jets_cut() -> None:
    settings = EventTokenSettings(light_jets_min=4)
    assert select_events(make_events(TYPICAL), settings, ALL, 0.5).cut_flow["light_jets"] == 0


def test_event_without_any_object_is_left_out() -> None:
    settings = EventTokenSettings(**OPEN)
    empty = make_events({"MET": (20, 0)})
    assert select_events(empty, settings, ("Muon", "Electron", "Jet"), 0.5).chosen.tolist() == [False]
    assert select_events(empty, settings, ALL, 0.5).chosen.tolist() == [True]


def test_jets_close_to_a_lepton_are_leptons() -> None:
    lepton = (30, 0.5, 3.1, 0.1, 1)
    near, across, far = (40, 0.6, 3.0, 5, 0.1), (50, 0.5, -3.1, 5, 0.1), (60, 0.5, 2.6, 5, 0.1)
    event = {"Muon": [lepton], "Jet": [near, across, far], "MET": (10, 0)}
    selected = select_events(make_events(event), EventTokenSettings(jets_min=0), ALL, btag_medium=0.5)
    assert selected.kinematics[0, 4:, 0].tolist() == [60, 0]


def test_jets_are_not_cleaned_with_leptons_that_fail_the_cuts() -> None:
    event = {"Muon": [(5, 0.5, 3.1, 0.1, 1)], "Jet": [(40, 0.6, 3.0, 5, 0.1)], "MET": (10, 0)}
    selected = select_events(make_events(event), EventTokenSettings(**OPEN), ALL, btag_medium=0.5)
    assert selected.kinematics[0, 4, 0] == 40


def test_cleaning_agrees_with_a_loop() -> None:
    rng = np.random.default_rng(0)

    def objects(size: int) -> ak.Array:
        counts = rng.integers(0, 5, size)
        values = rng.uniform(-1.5, 1.5, (2, counts.sum()))
        fields = {"pt": np.ones(counts.sum()), "eta": values[0], "phi": values[1] * 2}
        return ak.unflatten(ak.zip(fields), counts)

    jets, leptons = objects(60), objects(60)
    kept = clean_jets(jets, leptons, 0.4)
    for event in range(60):
        expected = [
            jet["eta"]
            for jet in jets[event].to_list()
            if all(
                np.hypot(jet["eta"] - lepton["eta"], (jet["phi"] - lepton["phi"] + np.pi) % (2 * np.pi) - np.pi) >= 0.4
                for lepton in leptons[event].to_list()
            )
        ]
        assert kept[event].eta.to_list() == expected
    assert ak.sum(ak.num(kept)) < ak.sum(ak.num(jets))


def test_missing_objects_stay_padding() -> None:
    columns = [name for name in COLUMN_NAMES if name.startswith("Muon")]
    settings = EventTokenSettings(slots=("lepton", "lepton", "met", "bjet"), jets_min=0)
    present = available_objects(settings, columns, "muons")
    assert present == ("Muon",)
    event = {**TYPICAL, "Muon": [(30, 0.5, 1.0, 0.1, -1), (60, 0.1, 1, 0.1, 1)]}
    selected = select_events(make_events(event)[columns], settings, present, 0.0)
    assert selected.types.tolist() == [[1, 1, 0, 0]]
    assert selected.kinematics[0, :, 0].tolist() == [60, 30, 0, 0]


@pytest.mark.parametrize("cut", ["jets_min", "bjets_min", "light_jets_min"])
def test_cut_on_missing_jets_is_refused(cut: str) -> None:
    columns = [name for name in COLUMN_NAMES if not name.startswith("Jet")]
    settings = EventTokenSettings.model_validate({"jets_min": 0, cut: 1})
    with pytest.raises(ConfigError, match=f"tokens.{cut} is 1 but sample has no Jet; set it to 0"):
        available_objects(settings, columns, "sample")


def test_cut_on_leptons_needs_only_one_kind() -> None:
    columns = [name for name in COLUMN_NAMES if not name.startswith("Electron")]
    assert available_objects(EventTokenSettings(), columns, "sample") == ("Muon", "Jet", "MET")
    with pytest.raises(ConfigError, match="no Muon or Electron"):
        available_objects(EventTokenSettings(), ["MET_pt", "MET_phi"], "sample")


def test_jets_without_b_tag_cannot_be_told_apart() -> None:
    columns = [name for name in COLUMN_NAMES if name != "Jet_btag"]
    with pytest.raises(ConfigError, match="Jet_btag"):
        available_objects(EventTokenSettings(), columns, "sample")
    muons = EventTokenSettings(slots=("lepton",), jets_min=0)
    assert available_objects(muons, columns, "sample") == ("Muon", "Electron", "MET")
