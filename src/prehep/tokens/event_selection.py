"""Which events are used and which of their objects fill the slots of an event (paper A: 2312.06909).

The paper's code takes the leading lepton, MET, two b-jets and two light jets, and asks for one lepton, two b-jets and
two light jets; thresholds are not published, so all are settings.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
import vector
from numpy.typing import NDArray

from prehep.core.config.event_tokens import EventTokenSettings, Slot
from prehep.core.errors import ConfigError
from prehep.tokens.event_features import B_JET, KINEMATICS, LEPTON, LIGHT_JET, MET, PADDING

LEPTON_OBJECTS = ("Muon", "Electron")
SLOT_TYPES: dict[Slot, int] = {"lepton": LEPTON, "met": MET, "bjet": B_JET, "light_jet": LIGHT_JET}
COLUMNS = {
    "Muon": KINEMATICS,
    "Electron": KINEMATICS,
    "Jet": ("pt", "eta", "phi", "mass", "btag"),
    "MET": ("pt", "phi"),
}


@dataclass(frozen=True)
class SelectedEvents:
    """Events of one chunk that pass the selection.

    Attributes:
        chosen: (events of the chunk,) bool.
        kinematics: (chosen events, slots, 5) float32 pt in GeV, eta, phi in rad, mass in GeV, charge; 0 at padding.
        types: (chosen events, slots) int8 0 padding, 1 lepton, 2 b-jet, 3 light jet, 4 MET.
        cut_flow: events left after each cut, in order.
    """

    chosen: NDArray[np.bool_]
    kinematics: NDArray[np.float32]
    types: NDArray[np.int8]
    cut_flow: dict[str, int]


def available_objects(settings: EventTokenSettings, columns: Collection[str], dataset: str) -> tuple[str, ...]:
    """Return which of Muon, Electron, Jet and MET the data have, after checking that the settings ask for no more.

    The slots of an absent object stay padding.

    Args:
        settings: slots and selection.
        columns: columns of the ingested events.
        dataset: what an error calls the data.

    Raises:
        ConfigError: a selection cut is on an absent object, or an object lacks part of its columns.
    """
    present: list[str] = []
    for name, properties in COLUMNS.items():
        absent = [f"{name}_{field}" for field in properties if f"{name}_{field}" not in columns]
        if absent and len(absent) < len(properties) and _is_used(name, settings):
            raise ConfigError(
                f"{dataset} declares {', '.join(absent)} missing but has the rest of {name}, which slots or cuts use; "
                f"declare the whole of {name} missing and set its cuts to 0."
            )
        if not absent:
            present.append(name)
    cuts = {"leptons_min": LEPTON_OBJECTS} | dict.fromkeys(("jets_min", "bjets_min", "light_jets_min"), ("Jet",))
    for cut, names in cuts.items():
        if getattr(settings, cut) > 0 and not set(names) & set(present):
            raise ConfigError(
                f"tokens.{cut} is {getattr(settings, cut)} but {dataset} has no {' or '.join(names)}; set it to 0."
            )
    return tuple(present)


def select_events(
    events: ak.Array, settings: EventTokenSettings, present: Collection[str], btag_medium: float
) -> SelectedEvents:
    """Select events and put their objects into slots, each kind by falling pt.

    Args:
        events: one chunk with the columns of `present`, as ingested.
        settings: slots, thresholds and cuts.
        present: result of `available_objects`.
        btag_medium: a jet with a higher b-tag score is a b-jet.
    """
    collections = _collections(events, settings, present, btag_medium)
    jets = ak.num(collections["bjet"]) + ak.num(collections["light_jet"])
    kinematics, types = _fill_slots(collections, settings)
    passed = {
        "leptons": ak.num(collections["lepton"]) >= settings.leptons_min,
        "jets": jets >= settings.jets_min,
        "bjets": ak.num(collections["bjet"]) >= settings.bjets_min,
        "light_jets": ak.num(collections["light_jet"]) >= settings.light_jets_min,
        "filled_slots": (types > PADDING).any(axis=1),
    }
    chosen = np.ones(len(events), bool)
    cut_flow = {"all": len(events)}
    for cut, passes in passed.items():
        chosen &= ak.to_numpy(passes)
        cut_flow[cut] = int(chosen.sum())
    return SelectedEvents(chosen, kinematics[chosen], types[chosen], cut_flow)


def clean_jets(jets: ak.Array, leptons: ak.Array, distance: float) -> ak.Array:
    """Return the jets that are not closer than `distance` in (eta, phi) to a lepton: leptons are jets, too."""
    pairs = ak.cartesian({"jet": _directions(jets), "lepton": _directions(leptons)}, nested=True)
    near = ak.any(pairs["jet"].deltaR(pairs["lepton"]) < distance, axis=-1)
    return jets[~near]


def _is_used(name: str, settings: EventTokenSettings) -> bool:
    kinds: Mapping[str, tuple[str, ...]] = {"MET": ("met",), "Jet": ("bjet", "light_jet")}
    cuts = {"Jet": settings.jets_min + settings.bjets_min + settings.light_jets_min, "MET": 0}
    used = set(kinds.get(name, ("lepton",))) & set(settings.slots)
    return bool(used) or cuts.get(name, settings.leptons_min) > 0


def _collections(
    events: ak.Array, settings: EventTokenSettings, present: Collection[str], btag_medium: float
) -> dict[Slot, ak.Array]:
    """Return the selected objects of each kind, by falling pt, as records of KINEMATICS."""
    none = _empty(len(events))
    found = [_read(events, name) for name in LEPTON_OBJECTS if name in present]
    leptons = _accept(ak.concatenate(found, axis=1), settings.lepton_pt_min, settings.eta_max) if found else none
    bjets = light_jets = none
    if "Jet" in present:
        jets = _accept(_read(events, "Jet"), settings.jet_pt_min, settings.eta_max)
        jets = clean_jets(jets, leptons, settings.lepton_jet_distance)
        tagged = jets.btag > btag_medium
        bjets, light_jets = jets[tagged], jets[~tagged]
    met = _read(events, "MET") if "MET" in present else none
    return {"lepton": leptons, "met": met, "bjet": bjets, "light_jet": light_jets}


def _read(events: ak.Array, name: str) -> ak.Array:
    fields = {field: ak.values_astype(events[f"{name}_{field}"], np.float32) for field in COLUMNS[name]}
    if name == "MET":
        fields = {field: ak.unflatten(values, 1) for field, values in fields.items()}
    zero = ak.zeros_like(fields["pt"])
    return ak.zip({field: fields.get(field, zero) for field in (*KINEMATICS, *fields)})


def _accept(objects: ak.Array, pt_min: float, eta_max: float) -> ak.Array:
    kept = objects[(objects.pt > pt_min) & (abs(objects.eta) < eta_max)]
    return kept[ak.argsort(kept.pt, axis=1, ascending=False, stable=True)]


def _directions(objects: ak.Array) -> Any:
    return vector.zip({"pt": objects.pt, "eta": objects.eta, "phi": objects.phi})


def _empty(events: int) -> ak.Array:
    nothing = ak.unflatten(np.zeros(0, np.float32), np.zeros(events, np.int64))
    return ak.zip(dict.fromkeys(KINEMATICS, nothing))


def _fill_slots(
    collections: Mapping[Slot, ak.Array], settings: EventTokenSettings
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    events = len(collections["lepton"])
    kinematics = np.zeros((events, len(settings.slots), len(KINEMATICS)), np.float32)
    types = np.zeros((events, len(settings.slots)), np.int8)
    for kind, objects in collections.items():
        slots = [index for index, slot in enumerate(settings.slots) if slot == kind]
        if not slots:
            continue
        for column, field in enumerate(KINEMATICS):
            padded = ak.fill_none(ak.pad_none(objects[field], len(slots), clip=True), 0)
            kinematics[:, slots, column] = ak.to_numpy(padded)
        filled = np.arange(len(slots)) < ak.to_numpy(ak.num(objects))[:, None]
        types[:, slots] = np.where(filled, SLOT_TYPES[kind], PADDING)
    return kinematics, types
