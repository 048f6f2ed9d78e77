"""Small tokenised samples of events for tests."""

import math

import numpy as np
import torch

from prehep.core.config.event_tokens import Feature
from prehep.objectives.base import Batch, Objective
from prehep.tokens.event_data import EventData
from prehep.tokens.event_encoding import EventEncoding
from prehep.tokens.event_features import Scaling, encode, feature_columns
from prehep.tokens.event_slots import dense, filled_slots
from prehep.tokens.ragged import RaggedArrays

DEFAULT: tuple[Feature, ...] = ("pt", "eta", "sin_phi", "cos_phi", "mass", "type")
MUONS: tuple[Feature, ...] = ("pt", "eta", "sin_phi", "cos_phi", "charge", "type")


def make_data(events: int = 200, features: tuple[Feature, ...] = DEFAULT, seed: int = 0) -> EventData:
    """Return events with up to six objects in the slots of paper A, at least the lepton; a third is for testing."""
    rng = np.random.default_rng(seed)
    types = np.tile(np.int8([1, 4, 2, 2, 3, 3]), (events, 1))
    types[:, 1:] *= rng.random((events, 5)) < 0.8
    kinematics = np.stack(
        [
            rng.exponential(50, types.shape),
            rng.normal(0, 1, types.shape) * (types != 4),
            rng.uniform(-math.pi, math.pi, types.shape),
            rng.exponential(10, types.shape) * (types != 4),
            rng.choice([-1, 1], types.shape) * (types == 1),
        ],
        axis=-1,
    ).astype(np.float32)
    kinematics *= (types > 0)[..., None]
    return make_data_from(kinematics, types, features)


def make_data_from(kinematics: np.ndarray, types: np.ndarray, features: tuple[Feature, ...] = DEFAULT) -> EventData:
    """Return unscaled tokens of given objects, (events, slots, 5) and (events, slots), 0 = padding."""
    columns = feature_columns(features)
    encoding = EventEncoding(
        slots=("lepton", "met", "bjet", "bjet", "light_jet", "light_jet")[: types.shape[1]],
        features=features,
        columns=columns,
        scaling=Scaling.identity(columns),
    )
    split = (np.arange(len(types)) % 3).astype(np.uint8)
    filled = filled_slots(types)
    arrays = {"features": encode(kinematics, types, features), "types": types, "kinematics": kinematics}
    objects = {name: values[filled.real] for name, values in arrays.items()} | {"slot": filled.slot}
    return EventData(RaggedArrays(objects, np.append(0, np.cumsum(filled.lengths))), split, encoding)


def dense_of(data: EventData, name: str, indices: np.ndarray | None = None) -> np.ndarray:
    """Return one array of some events, by default all, with one place for each slot."""
    found, lengths = data.objects.gather(np.arange(len(data)) if indices is None else indices)
    return dense(found[name], found["slot"], lengths, len(data.encoding.slots))


def loss_in_parts(objective: Objective, batch: Batch) -> float:
    """Return the loss of a corrupted batch from that of its parts, weighted by their terms."""
    rows = torch.arange(len(batch["lengths"])).split(33)
    parts = [{name: values[chosen] for name, values in batch.items()} for chosen in rows]
    weights = [objective.terms(part) / objective.terms(batch) for part in parts]
    return sum(weight * objective(part)["loss"].item() for weight, part in zip(weights, parts, strict=True))
