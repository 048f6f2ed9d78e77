"""Symmetries change no invariant mass, no pt, no padding; they do turn the events."""

import numpy as np
import torch
import vector
from hypothesis import given
from hypothesis import strategies as st

from prehep.tokens.event_features import Scaling
from prehep.tokens.event_symmetries import EventSymmetries

COLUMNS = ("pt", "eta", "sin_phi", "cos_phi", "mass", "lepton", "bjet", "light_jet", "met")
SCALING = Scaling(mean=(1.5, 0.1, -0.2, 0.3, 0.5, 0, 0, 0, 0), std=(0.4, 1.2, 0.7, 0.8, 0.3, 1, 1, 1, 1))


def events(seed: int, count: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (events, 3, 9) scaled features, log pt first, and their mask: the third slot of odd events is padding."""
    rng = np.random.default_rng(seed)
    phi = rng.uniform(-np.pi, np.pi, (count, 3))
    values = np.zeros((count, 3, 9), np.float32)
    values[..., 0] = rng.uniform(1, 2, (count, 3))
    values[..., 1] = rng.normal(size=(count, 3))
    values[..., 2], values[..., 3] = np.sin(phi), np.cos(phi)
    mask = np.ones((count, 3), bool)
    mask[1::2, 2] = False
    types = mask.astype(np.int8)
    return torch.from_numpy(SCALING.apply(values, types)), torch.from_numpy(mask)


def masses(features: torch.Tensor) -> np.ndarray:
    """Return the mass of the two leading objects."""
    raw = features.numpy() * np.float32(SCALING.std) + np.float32(SCALING.mean)
    pt, phi = 10 ** raw[..., 0].astype(float) - 1, np.arctan2(raw[..., 2], raw[..., 3])
    objects = [
        vector.array({"pt": pt[:, slot], "eta": raw[:, slot, 1], "phi": phi[:, slot], "mass": np.zeros(len(pt))})
        for slot in (0, 1)
    ]
    return np.asarray((objects[0] + objects[1]).mass)


@given(st.integers(0, 2**31))
def test_masses_and_untouched_columns_stay(seed: int) -> None:
    features, mask = events(seed % 100)
    turned = EventSymmetries(COLUMNS, SCALING)(features, mask, torch.Generator().manual_seed(seed))
    np.testing.assert_allclose(masses(turned), masses(features), rtol=2e-3)
    torch.testing.assert_close(turned[..., [0, 4, 5, 6, 7, 8]], features[..., [0, 4, 5, 6, 7, 8]])
    torch.testing.assert_close(turned[~mask], features[~mask])


def test_every_event_gets_its_own_draw() -> None:
    features, mask = events(1, 2_000)
    turned = EventSymmetries(COLUMNS, SCALING)(features, mask, torch.Generator().manual_seed(1))
    raw = [values * torch.tensor(SCALING.std) + torch.tensor(SCALING.mean) for values in (features, turned)]
    flipped = raw[0][:, 0, 1] * raw[1][:, 0, 1] < 0
    assert 0.45 < flipped.float().mean() < 0.55
    angle = torch.atan2(raw[1][:, 0, 2], raw[1][:, 0, 3])
    assert torch.histc(angle, 4, -torch.pi, torch.pi).min() > 400


def test_draws_are_repeatable() -> None:
    features, mask = events(2)
    one, two, other = (
        EventSymmetries(COLUMNS, SCALING)(features, mask, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
