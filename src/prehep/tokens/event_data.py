"""Tokenised events that are read by index, a whole batch at a time."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prehep.data.splits import TRAIN
from prehep.tokens.event_encoding import EventEncoding
from prehep.tokens.event_features import ETA, MET, PADDING, PT

if TYPE_CHECKING:
    from torch import Tensor

QUANTILES = 241
QUANTILE_EVENTS = 200_000


class EventData:
    """Events of one or several samples with one encoding (the TokenData protocol).

    The arrays may be memory-mapped; a batch copies only its own rows.

    Attributes:
        split: (events,) uint8, 0 training, 1 validation, 2 test.
        encoding: of all events.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        types: NDArray[np.int8],
        kinematics: NDArray[np.float32],
        split: NDArray[np.uint8],
        encoding: EventEncoding,
    ) -> None:
        self.features, self.types, self.kinematics = features, types, kinematics
        self.split, self.encoding = split, encoding

    @classmethod
    def join(cls, parts: "Sequence[EventData]", names: Sequence[str]) -> "EventData":
        """Return the events of several samples as one.

        Args:
            parts: the samples.
            names: what an error calls them.

        Raises:
            FormatError: the samples are not encoded alike.
        """
        for part, name in zip(parts, names, strict=True):
            parts[0].encoding.check_same(part.encoding, name)
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.types for part in parts]),
            np.concatenate([part.kinematics for part in parts]),
            np.concatenate([part.split for part in parts]),
            parts[0].encoding,
        )

    def __len__(self) -> int:
        return len(self.split)

    @cached_property
    def info(self) -> dict[str, Any]:
        """What objectives need: n_features, slots, columns, and quantiles of pt (GeV) and eta.

        The quantiles are at equal steps from 0 to 1 over the objects of the first training events (at most
        QUANTILE_EVENTS), so that bins follow from them for any number of bins; eta is without MET, which has none.
        """
        train = np.flatnonzero(self.split == TRAIN)[:QUANTILE_EVENTS]
        kinematics, types = self.kinematics[train], self.types[train]
        return {
            "n_features": len(self.encoding.columns),
            "slots": list(self.encoding.slots),
            "columns": list(self.encoding.columns),
            "quantiles": {
                "pt": _quantiles(kinematics[..., PT][types > PADDING]),
                "eta": _quantiles(kinematics[..., ETA][(types > PADDING) & (types != MET)]),
            },
        }

    def batch(self, indices: NDArray[np.int64]) -> "dict[str, Tensor]":
        """Return the events at these indices.

        `features` (batch, slots, columns) float32, `types` (batch, slots) int64 (0 = padding) and `kinematics`
        (batch, slots, 5) float32 pt in GeV, eta, phi in rad, mass in GeV, charge.
        """
        import torch

        return {
            "features": torch.from_numpy(self.features[indices]),
            "types": torch.from_numpy(self.types[indices].astype(np.int64)),
            "kinematics": torch.from_numpy(self.kinematics[indices]),
        }


def _quantiles(values: NDArray[np.float32]) -> list[float]:
    if not len(values):
        return [0.0] * QUANTILES
    found = np.quantile(values.astype(np.float64), np.linspace(0, 1, QUANTILES))
    return [round(float(value), 6) for value in found]
