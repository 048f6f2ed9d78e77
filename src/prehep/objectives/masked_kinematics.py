"""Masked kinematics: predict a hidden object's pt, eta, phi and charge from the rest of the event.

Every quantity is a class: pt and eta in quantile bins of the training data, phi in equal bins, charge by its sign.
No target is a mass. A rotation of the whole event about the beam is a symmetry, so the absolute phi of a hidden
object cannot be known: the target is its difference to the visible object of highest pt. Bin 0 is centred on no
difference, so that neither objects side by side nor (with an even number of bins) back to back fall on an edge.
MET has no eta, only leptons have a charge, and it is asked for only where it is a feature of the visible objects.

Two equal hidden objects look alike to the network, which then predicts their mixture. An event with a single
object has nothing to learn from and does not count.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.models.event_encoder import EventEncoder
from prehep.objectives.base import Batch, Objective, mean_where
from prehep.objectives.masks import Prediction, draw_mask, type_columns

PT, ETA, PHI, CHARGE = 0, 1, 2, 4
MET = 4


class MaskedKinematics(Objective):
    """Classify binned pt, eta, phi and charge of hidden objects."""

    pt_edges: Tensor
    eta_edges: Tensor
    kept: Tensor

    def __init__(
        self,
        encoder: EventEncoder,
        width: int,
        edges: dict[str, Tensor],
        kept: Tensor,
        *,
        charge: bool,
        mask_rate: float,
        loss_on: str,
    ) -> None:
        """Put the task together.

        Args:
            encoder: of the events.
            width: of the encoder's output.
            edges: inner bin edges of pt (GeV) and eta, each (bins - 1,).
            kept: (features,) 1 at the columns that stay visible on a hidden object (its type), else 0.
            charge: whether the charge is a target.
            mask_rate: probability that an object is hidden.
            loss_on: `masked` or `all`.
        """
        super().__init__()
        self.encoder = encoder
        self.mask_vector = nn.Parameter(torch.zeros(kept.shape))
        self.bins = len(edges["pt"]) + 1
        self.register_buffer("pt_edges", edges["pt"])
        self.register_buffer("eta_edges", edges["eta"])
        self.register_buffer("kept", kept)
        sizes = {"pt": self.bins, "eta": self.bins, "phi": self.bins} | ({"charge": 2} if charge else {})
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in sizes.items()})
        self.mask_rate = mask_rate
        self.loss_on = loss_on

    @classmethod
    def build(cls, objective: ObjectiveSettings, model: ModelSettings, info: dict[str, Any]) -> "MaskedKinematics":
        """Return the untrained task; `info` needs n_features, columns and quantiles."""
        edges = {name: inner_edges(info["quantiles"][name], objective.bins) for name in ("pt", "eta")}
        kept = torch.zeros(info["n_features"])
        kept[type_columns(info)] = 1.0
        encoder = EventEncoder(n_features=info["n_features"], **model.model_dump())
        return cls(
            encoder,
            model.width,
            edges,
            kept,
            charge="charge" in info["columns"],
            mask_rate=objective.mask_rate,
            loss_on=objective.loss_on,
        )

    def corrupt(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Choose the hidden objects: adds `masked` (batch, slots) bool.

        At least one object of each event is hidden and at least one stays visible.
        """
        masked = draw_mask(batch["types"] > 0, self.mask_rate, generator, leave_one_visible=True)
        return {**batch, "masked": masked}

    def terms(self, batch: Batch) -> int:
        """Return the number of hidden objects, or of all that have company."""
        return int((batch["masked"] if self.loss_on == "masked" else _with_company(batch["types"] > 0)).sum())

    def forward(self, batch: Batch) -> Batch:
        """Return the summed cross-entropies of an object's targets, over the hidden and over all objects."""
        logits = self.logits(batch)
        targets = self.targets(batch)
        entropy = torch.stack([_cross_entropy(logits[name], targets[name]) for name in logits]).sum(dim=0)
        loss_masked, n_masked = mean_where(entropy, batch["masked"])
        loss_all, n_all = mean_where(entropy, _with_company(batch["types"] > 0))
        loss = loss_masked if self.loss_on == "masked" else loss_all
        return {"loss": loss, "loss_masked": loss_masked, "loss_all": loss_all, "n_masked": n_masked, "n_all": n_all}

    def logits(self, batch: Batch, *, visible: bool = False) -> dict[str, Tensor]:
        """Return for each target (batch, slots, classes); hidden rows are replaced by the learned mask vector."""
        inputs = batch["features"]
        if not visible:
            replaced = self.mask_vector * (1 - self.kept) + inputs * self.kept
            inputs = torch.where(batch["masked"].unsqueeze(-1), replaced, inputs)
        encoded = self.encoder(inputs, batch["types"] > 0)
        return {name: head(encoded).float() for name, head in self.heads.items()}

    def targets(self, batch: Batch) -> dict[str, Tensor]:
        """Return for each target the true classes (batch, slots) int64, -1 where an object has none."""
        kinematics, types = batch["kinematics"], batch["types"]
        real = types > 0
        difference = phi_difference(kinematics, real & ~batch["masked"])
        phi = torch.floor(difference / (2 * math.pi) * self.bins + 0.5).long().remainder(self.bins)
        charge = kinematics[..., CHARGE]
        pt = torch.bucketize(kinematics[..., PT].contiguous(), self.pt_edges, right=True)
        eta = torch.bucketize(kinematics[..., ETA].contiguous(), self.eta_edges, right=True)
        return {
            "pt": pt.masked_fill(~real, -1),
            "eta": eta.masked_fill(~real | (types == MET), -1),
            "phi": phi.masked_fill(~real, -1),
            "charge": (charge > 0).long().masked_fill(~real | (charge == 0), -1),
        }

    def predict(self, batch: Batch, *, visible: bool = False) -> dict[str, Prediction]:
        """Return predicted and true class of each target of a corrupted batch.

        Args:
            batch: as `corrupt` returns it.
            visible: give the network the uncorrupted features instead.
        """
        logits, targets = self.logits(batch, visible=visible), self.targets(batch)
        return {name: Prediction(values.argmax(dim=-1), targets[name]) for name, values in logits.items()}


def inner_edges(quantiles: list[float], bins: int) -> Tensor:
    """Return the bins - 1 inner edges of equally filled bins from values at equal steps of the distribution."""
    steps = np.linspace(0, 1, len(quantiles))
    return torch.tensor(np.interp(np.linspace(0, 1, bins + 1)[1:-1], steps, quantiles), dtype=torch.float32)


def phi_difference(kinematics: Tensor, visible: Tensor) -> Tensor:
    """Return phi minus the phi of the visible object of highest pt, in [-pi, pi), of shape (batch, slots)."""
    leading = kinematics[..., PT].masked_fill(~visible, -1.0).argmax(dim=1, keepdim=True)
    phi = kinematics[..., PHI]
    return torch.remainder(phi - phi.gather(1, leading) + math.pi, 2 * math.pi) - math.pi


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    flat = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none", ignore_index=-1)
    return flat.view(target.shape)


def _with_company(real: Tensor) -> Tensor:
    return real & (real.sum(dim=1, keepdim=True) > 1)
