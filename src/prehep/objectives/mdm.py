"""Masked detector modules: hide some hits of a track and predict their modules (MDM; paper B, 2402.10239)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.models.cross_entropy import linear_cross_entropy
from prehep.models.track_encoder import GeometryEmbedding, TrackEncoder
from prehep.models.transformer import Transformer
from prehep.objectives.base import Batch, Objective, pad_places
from prehep.tokens.track_vocabulary import FIRST_MODULE, MASK

MASK_FRACTION, RANDOM_FRACTION = 0.8, 0.1


class MaskedModules(Objective):
    """Predict the modules of hidden hits from the rest of the track.

    The output layer is the (tied) embedding of the tokens plus a bias. Logits are computed at the chosen hits only,
    which makes a training step about four times cheaper; `loss_all` over every hit is therefore computed only in
    evaluation mode, and repeats `loss_masked` in training mode.
    """

    def __init__(self, encoder: TrackEncoder, width: int, mask_rate: float, mask_scheme: str) -> None:
        super().__init__()
        self.encoder: TrackEncoder = encoder
        self.mask_rate, self.mask_scheme = mask_rate, mask_scheme
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(encoder.tokens.num_embeddings))

    @classmethod
    def build(cls, objective: ObjectiveSettings, model: ModelSettings, info: dict[str, Any]) -> "MaskedModules":
        """Return the untrained task; `info` is that of TrackData (vocabulary_size, length_max, centres, layers)."""
        geometry = None
        if objective.embedding == "geometry":
            centres = torch.tensor(info["centres"], dtype=torch.float32)
            geometry = GeometryEmbedding(centres, torch.tensor(info["layers"]), model.width)
        transformer = Transformer(**model.model_dump())
        encoder = TrackEncoder(info["vocabulary_size"], info["length_max"], transformer, geometry)
        return cls(encoder, model.width, objective.mask_rate, objective.mask_scheme)

    def corrupt(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with `targets` (the true tokens), `chosen` (bool) and the corrupted `tokens`.

        Every hit is chosen with probability `mask_rate`, and at least one per track: with a rate near 0 it is exactly
        one, each hit with equal probability. "pure" shows [MASK] at every chosen hit; "mixed" shows [MASK] at 80 %,
        a random module at 10 % and the true one at 10 %.
        """
        tokens = batch["tokens"]
        chosen = choose_hits(tokens >= FIRST_MODULE, self.mask_rate, generator)
        shown = torch.full_like(tokens, MASK)
        if self.mask_scheme == "mixed":
            lot = torch.rand(tokens.shape, generator=generator)
            size = self.bias.numel()
            replacement = torch.randint(FIRST_MODULE, size, tokens.shape, generator=generator)
            shown = torch.where(lot < MASK_FRACTION, shown, replacement)
            shown = torch.where(lot < MASK_FRACTION + RANDOM_FRACTION, shown, tokens)
        return {**batch, "targets": tokens, "chosen": chosen, "tokens": torch.where(chosen, shown, tokens)}

    def terms(self, batch: Batch) -> int:
        """Return the number of chosen hits."""
        return int(batch["chosen"].sum())

    def static(self, batch: Batch, length: int, budget: int) -> Batch:
        """Return the batch with padded places and, as `asked` and `weights` (budget,), the asked places; see Objective.

        Raises:
            ValueError: more places are asked for than the budget holds.
        """
        batch = pad_places(batch, length)
        asked = self._asked(batch).flatten().nonzero().squeeze(1)
        if len(asked) > budget:
            raise ValueError(f"{len(asked)} places are asked for, more than the budget of {budget}")
        weights = torch.ones(len(asked))
        rest = (0, budget - len(asked))
        return {**batch, "asked": F.pad(asked, rest), "weights": F.pad(weights, rest)}

    def forward(self, batch: Batch) -> Batch:
        """Return the cross-entropies in nats; see Objective."""
        static = "asked" in batch
        asked = batch["asked"] if static else self._asked(batch).flatten().nonzero().squeeze(1)
        real = batch["weights"] if static else torch.ones(len(asked), device=asked.device)
        chosen = real * batch["chosen"].flatten()[asked]
        table = self.encoder.table()
        query = self.query(batch["tokens"], asked, table)
        targets = batch["targets"].flatten()[asked]
        total, values = linear_cross_entropy(query, table, self.bias, targets, chosen)
        n_masked, n_all = chosen.sum(), real.sum()
        masked, everything = total / n_masked.clamp(min=1), (values * real).sum() / n_all.clamp(min=1)
        return {"loss": masked, "loss_masked": masked, "loss_all": everything, "n_masked": n_masked, "n_all": n_all}

    def logits(self, tokens: Tensor, asked: Tensor) -> Tensor:
        """Return the logits (asked places, vocabulary) of corrupted tokens where `asked` (batch, length) is true."""
        table = self.encoder.table()
        return F.linear(self.query(tokens, asked.flatten().nonzero().squeeze(1), table), table, self.bias)

    def query(self, tokens: Tensor, asked: Tensor, table: Tensor) -> Tensor:
        """Return what is compared with the table, (asked places, width).

        Args:
            tokens: (batch, length) int64, corrupted.
            asked: (asked places,) int64 indices into the flattened tokens.
            table: of the encoder.
        """
        query = self.transform(self.encoder(tokens, table).flatten(0, 1)[asked])
        return self.encoder.to_detector_frame(query, tokens, asked // tokens.shape[1])

    def _asked(self, batch: Batch) -> Tensor:
        return batch["chosen"] if self.training else batch["targets"] >= FIRST_MODULE

    @torch.no_grad()
    def predict(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return the most probable module at one position of each track.

        Args:
            tokens: (batch, length) int64, as the model shall see them.
            positions: (batch,) int64 index into the sequence.

        Returns:
            (batch,) int64 tokens; special tokens are never predicted.
        """
        asked = F.one_hot(positions, tokens.shape[1]).bool()
        return self.logits(tokens, asked)[:, FIRST_MODULE:].argmax(1) + FIRST_MODULE


def choose_hits(hits: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Choose hits with probability `rate`, and at least one in every track that has a hit.

    Args:
        hits: (batch, length) bool, True where a token is a hit.
        rate: probability of each hit, independently.
        generator: source of randomness.

    Returns:
        (batch, length) bool, True only at hits.
    """
    lot = torch.rand(hits.shape, generator=generator).masked_fill(~hits, 2.0)
    return hits & ((lot < rate) | (lot == lot.amin(1, keepdim=True)))
