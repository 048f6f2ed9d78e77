"""A tiny self-supervised task and tiny data for the tests of the training engine."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.objectives.base import Batch, Objective, mean_where


class TinyEncoder(nn.Module):
    """Two linear layers with dropout; the second stands for a transformer block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(3, width)
        self.blocks = nn.ModuleList([nn.Linear(width, width)])
        self.dropout = nn.Dropout(0.2)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, objects, width)."""
        real = mask.unsqueeze(-1)
        hidden = self.first(features).relu() * real
        mean = hidden.sum(1, keepdim=True) / real.sum(1, keepdim=True)
        mixed = self.dropout(self.blocks[0](hidden + mean))
        return mixed * real


class TinyObjective(Objective):
    """Predict hidden features: mean squared error."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.encoder = TinyEncoder(width)
        self.head = nn.Linear(width, 3)

    @classmethod
    def build(cls, objective: ObjectiveSettings, model: ModelSettings, info: dict[str, Any]) -> "TinyObjective":
        """Return the untrained task; only the width counts."""
        del objective, info
        return cls(model.width)

    def corrupt(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Hide the features of every other object, at random."""
        hidden = (torch.rand(batch["features"].shape[:2], generator=generator) < 0.5) & is_real(batch)
        return {**batch, "hidden": hidden, "shown": batch["features"] * ~hidden.unsqueeze(-1)}

    def terms(self, batch: Batch) -> int:
        """Return the number of hidden objects."""
        return int(batch["hidden"].sum())

    def forward(self, batch: Batch) -> Batch:
        """Return the mean squared errors."""
        mask = is_real(batch)
        errors = (self.head(self.encoder(batch["shown"], mask)) - batch["features"]).square().mean(-1)
        loss_masked, n_masked = mean_where(errors, batch["hidden"])
        loss_all, n_all = mean_where(errors, mask)
        return {
            "loss": loss_masked,
            "loss_masked": loss_masked,
            "loss_all": loss_all,
            "n_masked": n_masked,
            "n_all": n_all,
        }


def is_real(batch: Batch) -> Tensor:
    """Return (batch, objects) bool, false at padding."""
    places = torch.arange(batch["features"].shape[1], device=batch["lengths"].device)
    return places < batch["lengths"].unsqueeze(1)


class TinyData:
    """Random events of equal objects, so that a hidden one can be predicted.

    Args:
        entries: number of events.
        seed: of their features.
        most: largest number of objects; every event has two to so many.
    """

    def __init__(self, entries: int = 200, seed: int = 1, most: int = 2) -> None:
        random = np.random.default_rng(seed)
        features = random.normal(size=(entries, 1, 3)).repeat(most, axis=1)
        self.lengths = random.integers(2, most, entries, endpoint=True)
        self.features = features.astype(np.float32) * (np.arange(most) < self.lengths[:, None])[..., None]
        self.split = np.zeros(entries, np.uint8)
        self.info: dict[str, Any] = {"n_features": 3}

    @property
    def longest(self) -> int:
        """Return the objects of the largest event."""
        return int(self.lengths.max())

    def __len__(self) -> int:
        return len(self.features)

    def batch(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return `features` (batch, objects, 3) and `lengths` (batch,), padded to the longest event."""
        lengths = self.lengths[indices]
        features = self.features[indices, : lengths.max(initial=1)]
        return {"features": torch.from_numpy(features), "lengths": torch.from_numpy(lengths)}


class FragileData(TinyData):
    """Entries of which one batch is bad the first `times` times that it is read."""

    def __init__(self, bad: NDArray[np.int64], times: int) -> None:
        super().__init__()
        self.bad, self.times = bad, times

    def batch(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return the entries, not a number for the bad ones."""
        batch = super().batch(indices)
        if self.times and np.array_equal(indices, self.bad):
            self.times -= 1
            batch["features"] = batch["features"] * math.nan
        return batch
