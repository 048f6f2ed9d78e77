"""Symmetries of collisions, drawn anew for every event of a batch while a classifier is trained.

Rotation in phi is exact for unpolarised beams; the reflections of phi and eta are exact for equal beams and up to
parity-violating terms. Without them a network learns the directions of few labelled events by heart.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from prehep.tokens.event_features import Scaling

CHANGED = ("eta", "sin_phi", "cos_phi")


class EventSymmetries:
    """Turns and reflects whole events in the space of scaled features.

    Args:
        columns: name of each column of the features.
        scaling: shift and width of each column.
    """

    def __init__(self, columns: Sequence[str], scaling: Scaling) -> None:
        self.index = [list(columns).index(name) for name in CHANGED]
        self.mean = torch.tensor([scaling.mean[column] for column in self.index])
        self.std = torch.tensor([scaling.std[column] for column in self.index])

    def __call__(self, features: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the events, each turned by its own angle and reflected or not.

        Args:
            features: (batch, slots, features), scaled.
            mask: (batch, slots) bool, True = real object; padding stays as it is.
            generator: on the CPU, so that the draws are the same on every device.
        """
        angle, phi_sign, eta_sign = self._draw(len(features), generator).to(features.device)[..., None]
        mean, std = self.mean.to(features.device), self.std.to(features.device)
        eta, sin, cos = (features[..., self.index] * std + mean).unbind(-1)
        sin = sin * phi_sign
        turned = torch.stack(
            [
                eta * eta_sign,
                sin * torch.cos(angle) + cos * torch.sin(angle),
                cos * torch.cos(angle) - sin * torch.sin(angle),
            ],
            dim=-1,
        )
        changed = features.clone()
        changed[..., self.index] = torch.where(mask[..., None], (turned - mean) / std, features[..., self.index])
        return changed

    @staticmethod
    def _draw(events: int, generator: torch.Generator) -> Tensor:
        """Return (3, events): angles in rad, and signs of phi and eta."""
        angle = 2 * math.pi * torch.rand(events, generator=generator)
        signs = 2 * torch.randint(2, (2, events), generator=generator) - 1
        return torch.cat([angle[None], signs.float()])
