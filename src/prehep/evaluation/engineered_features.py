"""The quantities a physicist would compute from an event, for the boosted trees that networks have to beat.

What is absent in an event (a second b-jet, say) is NaN, which the trees treat as a value of its own. No label enters.
Where a mass would be the answer (`masses=False`: the real-muon closure test tells dimuon masses apart) only quantities
of single objects, HT and multiplicities are computed: with the angles between two muons their mass would be one formula
away.
"""

from collections.abc import Iterator

import numpy as np
import vector
from numpy.typing import NDArray

LEPTON, B_JET, LIGHT_JET, MET = 1, 2, 3, 4
TOP_MASS = 172.5
COUNTED = {"lepton": (LEPTON, 2), "bjet": (B_JET, 2), "light_jet": (LIGHT_JET, 2), "met": (MET, 1)}
FIELDS = ("pt", "eta", "phi", "mass")

Values = NDArray[np.float64]
Columns = Iterator[tuple[str, Values]]


def engineered_features(
    kinematics: NDArray[np.float32], types: NDArray[np.int8], *, masses: bool = True
) -> tuple[Values, list[str]]:
    """Compute the engineered quantities of every event; all are unchanged by a common rotation in phi.

    Args:
        kinematics: (events, slots, 5) pt in GeV, eta, phi in rad, mass in GeV, charge.
        types: (events, slots) 0 padding, 1 lepton, 2 b-jet, 3 light jet, 4 missing transverse momentum.
        masses: compute masses and other quantities of several objects; false where a mass would be the answer.

    Returns:
        (events, quantities) in GeV and rad, NaN where an object is absent, and the names of the quantities.
    """
    objects, charges = _leading_objects(kinematics, types)
    columns = dict(_single(objects))
    columns |= dict(_sums(kinematics, types))
    if masses:
        columns |= {"charge_product": charges["lepton_1"] * charges["lepton_2"]}
        columns |= dict(_angles(objects))
        columns |= dict(_masses(objects))
        columns |= dict(_whole_event(kinematics, types))
    return np.stack(list(columns.values()), axis=1), list(columns)


def _leading_objects(
    kinematics: NDArray[np.float32], types: NDArray[np.int8]
) -> tuple[dict[str, vector.MomentumNumpy4D], dict[str, Values]]:
    """Return the objects of highest pt of each type as momenta, and their charges, NaN where there are fewer."""
    objects, charges = {}, {}
    for name, (kind, count) in COUNTED.items():
        chosen = np.where((types == kind)[..., None], kinematics, np.nan).astype(np.float64)
        order = np.argsort(-chosen[..., 0], axis=1, kind="stable")
        chosen = np.take_along_axis(chosen, order[..., None], axis=1)
        for rank in range(count):
            entry = chosen[:, rank] if rank < chosen.shape[1] else np.full_like(chosen[:, 0], np.nan)
            key = name if count == 1 else f"{name}_{rank + 1}"
            objects[key] = vector.array({field: entry[:, column] for column, field in enumerate(FIELDS)})
            charges[key] = entry[:, 4]
    return objects, charges


def _single(objects: dict[str, vector.MomentumNumpy4D]) -> Columns:
    for name, momentum in objects.items():
        yield f"pt_{name}", momentum.pt
        if name.startswith("lepton"):
            yield f"eta_{name}", momentum.eta


def _sums(kinematics: NDArray[np.float32], types: NDArray[np.int8]) -> Columns:
    pt = kinematics[..., 0].astype(np.float64)
    jets = (types == B_JET) | (types == LIGHT_JET)
    yield "ht_jets", np.where(jets, pt, 0).sum(axis=1)
    yield "ht_all", np.where(types > 0, pt, 0).sum(axis=1)
    for name, kind in (("lepton", LEPTON), ("bjet", B_JET), ("light_jet", LIGHT_JET)):
        yield f"n_{name}", (types == kind).sum(axis=1).astype(np.float64)


def _angles(objects: dict[str, vector.MomentumNumpy4D]) -> Columns:
    pairs = [("lepton_1", "lepton_2"), ("bjet_1", "bjet_2"), ("light_jet_1", "light_jet_2")]
    pairs += [("lepton_1", "bjet_1"), ("lepton_1", "bjet_2"), ("lepton_1", "light_jet_1")]
    for one, other in pairs:
        yield f"delta_r_{one}_{other}", objects[one].deltaR(objects[other])
    first, second = objects["lepton_1"], objects["lepton_2"]
    yield "delta_eta_leptons", np.abs(first.eta - second.eta)
    yield "delta_phi_leptons", np.abs(first.deltaphi(second))
    for name in ("lepton_1", "bjet_1"):
        yield f"delta_phi_{name}_met", np.abs(objects[name].deltaphi(objects["met"]))


def _masses(objects: dict[str, vector.MomentumNumpy4D]) -> Columns:
    lepton, met = objects["lepton_1"], objects["met"]
    b1, b2, j1, j2 = (objects[name] for name in ("bjet_1", "bjet_2", "light_jet_1", "light_jet_2"))
    bb, jj = b1 + b2, j1 + j2
    yield "mt_w", transverse_mass(lepton, met)
    yield "m_ll", (lepton + objects["lepton_2"]).mass
    yield "m_bb", bb.mass
    yield "m_jj", jj.mass
    yield "m_bbjj", (bb + jj).mass
    yield "m_lbb", (lepton + bb).mass
    yield "mt_lbb_met", transverse_mass(lepton + bb, met)
    yield "pt_bb", bb.pt
    yield "pt_jj", jj.pt
    with_lepton = np.stack([(lepton + b1).mass, (lepton + b2).mass])
    with_jets = np.stack([(jj + b1).mass, (jj + b2).mass])
    for rank in (0, 1):
        yield f"m_lb_{rank + 1}", with_lepton[rank]
        yield f"m_jjb_{rank + 1}", with_jets[rank]
    yield "m_lb_smallest", np.fmin(*with_lepton)
    nearest = np.abs(with_jets - TOP_MASS)
    yield "m_hadronic_top", np.where(_nan_last(nearest[0]) <= _nan_last(nearest[1]), with_jets[0], with_jets[1])


def _nan_last(values: Values) -> Values:
    return np.where(np.isnan(values), np.inf, values)


def transverse_mass(visible: vector.MomentumNumpy4D, met: vector.MomentumNumpy4D) -> Values:
    """Return the transverse mass in GeV of a visible momentum and the missing transverse momentum.

    m_T^2 = (E_T + p_T^miss)^2 - (p_T + p_T^miss)^2 with E_T^2 = m^2 + p_T^2; for a light lepton that is
    2 p_T p_T^miss (1 - cos dphi).
    """
    energy = np.hypot(np.maximum(visible.mass, 0), visible.pt) + met.pt
    squared = energy**2 - (visible.px + met.px) ** 2 - (visible.py + met.py) ** 2
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def _whole_event(kinematics: NDArray[np.float32], types: NDArray[np.int8]) -> Columns:
    """Yield mass, pt and centrality (sum of pt over sum of energy) of all visible objects together."""
    visible = (types > 0) & (types != MET)
    momenta = vector.array({field: kinematics[..., column].astype(np.float64) for column, field in enumerate(FIELDS)})
    px, py, pz, energy = (
        np.where(visible, component, 0).sum(axis=1) for component in (momenta.px, momenta.py, momenta.pz, momenta.E)
    )
    yield "m_visible", np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0))
    yield "pt_visible", np.hypot(px, py)
    total = np.where(visible, momenta.pt, 0).sum(axis=1)
    yield "centrality", np.divide(total, energy, out=np.full_like(total, np.nan), where=energy > 0)
