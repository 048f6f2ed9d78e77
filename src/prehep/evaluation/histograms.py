"""Weighted histograms of objects and of dimuon masses, as tables that a figure can draw as they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from prehep.tokens.labelled_sets import LEPTON, MUON_MASS_MIN, dimuon_mass

DISTRIBUTION_COLUMNS = ["object", "quantity", "sample", "low", "high", "density", "error"]
DIMUON_COLUMNS = ["sample", "low", "high", "count"]
DIMUON_EDGES = np.geomspace(0.3, 200.0, 261)
KINDS = {LEPTON: ("lepton", 2), 4: ("MET", 1), 2: ("b-jet", 2), 3: ("light jet", 2)}
RANKS = ("leading", "sub-leading")
MASSIVE = ("b-jet", "light jet")
EDGES: dict[str, NDArray[np.float64]] = {
    "pt": np.concatenate([np.arange(0, 100, 10), np.arange(100, 200, 20), np.arange(200, 321, 40)]).astype(np.float64),
    "eta": np.linspace(-2.4, 2.4, 17),
    "phi": np.linspace(-np.pi, np.pi, 17),
    "mass": np.concatenate([np.arange(0, 20, 2), np.arange(20, 41, 5)]).astype(np.float64),
}
COLUMN = {"pt": 0, "eta": 1, "phi": 2, "mass": 3}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EventSample:
    """Tokenised events of one sample.

    Attributes:
        kinematics: (events, slots, 5) pt in GeV, eta, phi in rad, mass in GeV, charge.
        types: (events, slots) 0 padding, 1 lepton, 2 b-jet, 3 light jet, 4 MET.
        weights: (events,) 1 for collisions.
    """

    kinematics: NDArray[np.float32]
    types: NDArray[np.int8]
    weights: NDArray[np.float32]


def object_distributions(samples: Mapping[str, EventSample]) -> pd.DataFrame:
    """Return the normalised distributions of the objects of every sample.

    Args:
        samples: name and events. Where the first has no electrons, those of the others are left out.

    Returns:
        Columns `DISTRIBUTION_COLUMNS`. `density` integrates to 1 over the range drawn, `error` is the statistical error
        sqrt(sum of squared weights). Objects that a sample lacks have no rows.
    """
    muons_only = bool(samples) and _has_only_muons(next(iter(samples.values())))
    rows = [
        (title, quantity, name, low, high, density, error)
        for name, sample in samples.items()
        for title, values, weights in _objects(sample, muons_only=muons_only)
        for quantity in _quantities(title)
        for low, high, density, error in _densities(values[:, COLUMN[quantity]], weights, EDGES[quantity])
    ]
    return pd.DataFrame(rows, columns=DISTRIBUTION_COLUMNS)


def _quantities(title: str) -> tuple[str, ...]:
    if title.endswith("MET"):
        return ("pt", "phi")
    return ("pt", "eta", "mass") if title.endswith(MASSIVE) else ("pt", "eta", "phi")


def _has_only_muons(sample: EventSample) -> bool:
    leptons = sample.types == LEPTON
    return bool(leptons.any() and np.all(sample.kinematics[..., 3][leptons] > MUON_MASS_MIN))


def _objects(sample: EventSample, *, muons_only: bool) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield title, (entries, 5) kinematics and weights of the object of each type and rank by falling pt."""
    heavy = sample.kinematics[..., 3] > MUON_MASS_MIN
    for kind, (general, count) in KINDS.items():
        only_muons = kind == LEPTON and muons_only
        name = "muon" if only_muons else general
        present = (sample.types == kind) & (heavy | (not only_muons))
        order = np.argsort(np.where(present, -sample.kinematics[..., 0], np.inf), axis=1, kind="stable")
        for rank in range(min(count, present.shape[1])):
            has = present.sum(axis=1) > rank
            chosen = sample.kinematics[has, order[has, rank]].astype(np.float64)
            if len(chosen):
                title = name if count == 1 else f"{RANKS[rank]} {name}"
                yield title, chosen, sample.weights[has].astype(np.float64)


def _densities(values: Floats, weights: Floats, edges: Floats) -> Iterator[tuple[float, float, float, float]]:
    total, _ = np.histogram(values, edges, weights=weights)
    squared, _ = np.histogram(values, edges, weights=weights**2)
    norm = total.sum() * np.diff(edges) if total.sum() > 0 else np.ones(len(total))
    return zip(edges[:-1], edges[1:], total / norm, np.sqrt(squared) / norm, strict=True)


def dimuon_spectrum(samples: Mapping[str, EventSample]) -> pd.DataFrame:
    """Count the pairs of the two leading muons of opposite charge, in logarithmic bins of mass from 0.3 to 200 GeV.

    Args:
        samples: name and events of collisions, whose weights are 1; samples without such a pair have no rows.

    Returns:
        Columns `DIMUON_COLUMNS`: edges in GeV and pairs per bin.
    """
    tables = [pd.DataFrame(columns=DIMUON_COLUMNS)]
    for name, sample in samples.items():
        mass = dimuon_mass(sample.kinematics, sample.types)
        found = np.isfinite(mass)
        if found.any():
            count, edges = np.histogram(mass[found], DIMUON_EDGES)
            tables.append(pd.DataFrame({"sample": name, "low": edges[:-1], "high": edges[1:], "count": count}))
    return pd.concat(tables[1:] or tables, ignore_index=True)
