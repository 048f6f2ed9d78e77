"""Masked object type: tell leptons, b-jets, light jets and MET apart where their type is hidden (2312.06909).

The published loss runs over all real objects, of which 35 % are copies of the input; here `loss_on` chooses, and
both means are reported.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.core.errors import ConfigError
from prehep.models.event_encoder import EventEncoder
from prehep.objectives.base import Batch, Objective, mean_where
from prehep.objectives.masks import Prediction, draw_mask, type_columns

TYPES = 4


class MaskedType(Objective):
    """Classify each object's type from its kinematics and the rest of the event."""

    def __init__(
        self, encoder: EventEncoder, width: int, type_columns: list[int], mask_rate: float, loss_on: str
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(width, TYPES)
        self.type_columns = type_columns
        self.mask_rate = mask_rate
        self.loss_on = loss_on

    @classmethod
    def build(cls, objective: ObjectiveSettings, model: ModelSettings, info: dict[str, Any]) -> "MaskedType":
        """Return the untrained task; `info` needs n_features and columns.

        Raises:
            ConfigError: the type is not among the features.
        """
        columns = type_columns(info)
        if not columns:
            raise ConfigError(
                f"objective masked_type needs the feature 'type', the tokens have {', '.join(info['columns'])}; "
                "add it to tokens.features or choose masked_kinematics."
            )
        encoder = EventEncoder(n_features=info["n_features"], **model.model_dump())
        return cls(encoder, model.width, columns, objective.mask_rate, objective.loss_on)

    def corrupt(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Hide the type of random objects: their one-hot columns become 0, the kinematics stay.

        Adds `masked` (batch, slots) bool and `inputs` (batch, slots, features). At least one object of each event
        is hidden.
        """
        masked = draw_mask(batch["types"] > 0, self.mask_rate, generator)
        inputs = batch["features"].clone()
        inputs[..., self.type_columns] *= ~masked.unsqueeze(-1)
        return {**batch, "inputs": inputs, "masked": masked}

    def terms(self, batch: Batch) -> int:
        """Return the number of hidden, or of all, objects."""
        return int((batch["masked"] if self.loss_on == "masked" else batch["types"] > 0).sum())

    def forward(self, batch: Batch) -> Batch:
        """Return the cross-entropy of the types, over the hidden and over all objects."""
        real = batch["types"] > 0
        logits = self.logits(batch["inputs"], real).float()
        target = (batch["types"] - 1).clamp(min=0)
        entropy = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view(real.shape)
        loss_masked, n_masked = mean_where(entropy, batch["masked"])
        loss_all, n_all = mean_where(entropy, real)
        loss = loss_masked if self.loss_on == "masked" else loss_all
        return {"loss": loss, "loss_masked": loss_masked, "loss_all": loss_all, "n_masked": n_masked, "n_all": n_all}

    def logits(self, inputs: Tensor, real: Tensor) -> Tensor:
        """Return (batch, slots, 4) from features with hidden types."""
        return self.head(self.encoder(inputs, real))  # type: ignore[no-any-return]

    def predict(self, batch: Batch, *, visible: bool = False) -> dict[str, Prediction]:
        """Return predicted and true type (0 lepton, 1 b-jet, 2 light jet, 3 MET) of a corrupted batch.

        Args:
            batch: as `corrupt` returns it.
            visible: give the network the uncorrupted features instead.
        """
        inputs = batch["features"] if visible else batch["inputs"]
        predicted = self.logits(inputs, batch["types"] > 0).argmax(dim=-1)
        return {"type": Prediction(predicted, batch["types"] - 1)}
