"""Angles and momenta of awkward particle records."""

from typing import Any

import awkward as ak
import numpy as np


def momentum_fields(px: Any, py: Any, pz: Any) -> dict[str, Any]:
    """Return pt (GeV), eta and phi of momentum components; |eta| of a particle along the beam is about 20."""
    pt = np.hypot(px, py)
    return {"pt": pt, "eta": np.arcsinh(pz / np.maximum(pt, 1e-9 * abs(pz) + 1e-12)), "phi": np.arctan2(py, px)}


def delta_r(first: Any, second: Any) -> Any:
    """Return the distance sqrt(delta eta^2 + delta phi^2) of records with eta and phi, phi wrapped to [-pi, pi)."""
    return np.hypot(first.eta - second.eta, wrap_phi(first.phi - second.phi))


def wrap_phi(phi: Any) -> Any:
    """Return angles wrapped to [-pi, pi)."""
    return (phi + np.pi) % (2 * np.pi) - np.pi


def total_transverse(objects: Any) -> tuple[Any, Any]:
    """Return the summed px and py in GeV of each event of records `(events, objects)` with pt and phi."""
    return (
        ak.sum(objects.pt * np.cos(objects.phi), axis=1),
        ak.sum(objects.pt * np.sin(objects.phi), axis=1),
    )
