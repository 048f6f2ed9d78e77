"""A tiny self-supervised task and tiny data for the tests of the training engine."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

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
        hidden = self.first(features).relu()
        mixed = self.dropout(self.blocks[0](hidden + hidden.mean(1, keepdim=True)))
        return mixed * mask.unsqueeze(-1)


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
        hidden = torch.rand(batch["features"].shape[:2], generator=generator) < 0.5
        return {**batch, "hidden": hidden, "shown": batch["features"] * ~hidden.unsqueeze(-1)}

    def forward(self, batch: Batch) -> Batch:
        """Return the mean squared errors."""
        mask = torch.ones_like(batch["hidden"])
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


class TinyData:
    """Random events of two objects whose features are equal, so that a hidden one can be predicted."""

    def __init__(self, entries: int = 200, seed: int = 1) -> None:
        features = np.random.default_rng(seed).normal(size=(entries, 1, 3)).repeat(2, axis=1)
        self.features = features.astype(np.float32)
        self.split = np.zeros(entries, np.uint8)
        self.info: dict[str, Any] = {"n_features": 3}

    def __len__(self) -> int:
        return len(self.features)

    def batch(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return (batch, 2, 3) features."""
        return {"features": torch.from_numpy(self.features[indices])}


class TinyClassifier(nn.Module):
    """A linear classifier of the mean of the real objects."""

    def __init__(self, n_features: int = 3) -> None:
        super().__init__()
        self.output = nn.Linear(n_features, 2)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, 2) logits."""
        pooled = (features * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
        return functional.linear(pooled, self.output.weight, self.output.bias)
