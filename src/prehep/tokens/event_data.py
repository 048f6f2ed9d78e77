"""Tokenised events that are read by index, a whole batch at a time."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prehep.data.splits import TRAIN
from prehep.tokens.event_encoding import EventEncoding
from prehep.tokens.event_features import ETA, MET, PT
from prehep.tokens.ragged import RaggedArrays

if TYPE_CHECKING:
    from torch import Tensor

QUANTILES = 241
QUANTILE_OBJECTS = 1_200_000


class EventData:
    """Events of one or several samples with one encoding (the TokenData protocol).

    The arrays may be memory-mapped; a batch copies only its own rows, and joined samples are not copied. In memory is
    1 byte per event where samples are joined (`split`), and what `RaggedArrays` says.

    Attributes:
        objects: flat `features` (objects, columns) float32, `types` (objects,) int8, `kinematics` (objects, 5)
            float32 and `slot` (objects,) int8 of the real objects of each event, in the order of their slots.
        split: (events,) uint8, 0 training, 1 validation, 2 test.
        encoding: of all events.
    """

    def __init__(self, objects: RaggedArrays, split: NDArray[np.uint8], encoding: EventEncoding) -> None:
        self.objects, self.split, self.encoding = objects, split, encoding

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
        split = np.concatenate([part.split for part in parts])
        return cls(RaggedArrays.join([part.objects for part in parts]), split, parts[0].encoding)

    def __len__(self) -> int:
        return len(self.split)

    @cached_property
    def info(self) -> dict[str, Any]:
        """What objectives need: n_features, slots, columns, and quantiles of pt (GeV) and eta.

        The quantiles are at equal steps from 0 to 1 over the objects of the first training events (so many that they
        have at most QUANTILE_OBJECTS), so that bins follow from them for any number of bins; eta is without MET,
        which has none.
        """
        train = np.flatnonzero(self.split == TRAIN)[: QUANTILE_OBJECTS // len(self.encoding.slots)]
        objects, _ = self.objects.gather(train, ("kinematics", "types"))
        kinematics, types = objects["kinematics"], objects["types"]
        return {
            "n_features": len(self.encoding.columns),
            "slots": list(self.encoding.slots),
            "columns": list(self.encoding.columns),
            "quantiles": {
                "pt": _quantiles(kinematics[:, PT]),
                "eta": _quantiles(kinematics[types != MET, ETA]),
            },
        }

    @property
    def longest(self) -> int:
        """Return the objects of the largest event."""
        return self.objects.longest

    def batch(self, indices: NDArray[np.int64]) -> "dict[str, Tensor]":
        """Return the events at these indices, the objects of each from place 0 on.

        `features` (batch, longest, columns) float32, `types` (batch, longest) int64 (0 = padding), `kinematics`
        (batch, longest, 5) float32 pt in GeV, eta, phi in rad, mass in GeV, charge, and `lengths` (batch,) int64.
        """
        import torch

        found, lengths = self.objects.padded(indices, ("features", "types", "kinematics"))
        found["types"] = found["types"].astype(np.int64)
        return {name: torch.from_numpy(values) for name, values in {**found, "lengths": lengths}.items()}


def _quantiles(values: NDArray[np.float32]) -> list[float]:
    if not len(values):
        return [0.0] * QUANTILES
    found = np.quantile(values.astype(np.float64), np.linspace(0, 1, QUANTILES))
    return [round(float(value), 6) for value in found]
