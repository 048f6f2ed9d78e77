"""Synthetic data, and the same model twice: as prehep trains it, and as HuggingFace's BERT in a usual training loop."""

import copy
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings, TrainingSettings
from prehep.core.seeds import derive_seed
from prehep.models.event_encoder import EventEncoder
from prehep.objectives.base import Batch, Objective
from prehep.objectives.masked_kinematics import MaskedKinematics
from prehep.objectives.mdm import MaskedModules
from prehep.tokens.track_vocabulary import CLS, FIRST_MODULE, PAD, SEP
from prehep.training.device import repeatable
from prehep.training.trainer import Trainer

LEARNING_RATE, CLIP = 1e-3, 1.0
ENTRIES, VALIDATION = 20_000, 2_000
SHORTEST_TRACK, LONGEST_TRACK = 8, 20
ROADS, MODULES_OF_A_ROAD = 64, 3
SLOTS, MEAN_OBJECTS = 12, 5.9
COLUMNS = ("pt", "eta", "sin_phi", "cos_phi", "mass", "type_lepton", "type_bjet", "type_light_jet", "type_met")


class Case(NamedTuple):
    """One shape to measure: kind of data, vocabulary (tracks), network, entries of a batch."""

    kind: str
    vocabulary: int
    model: ModelSettings
    batch_size: int


TRACKING_BERT = ModelSettings(width=64, layers=4, heads=8, feedforward=512, norm="post")
CASES = {
    "tracking_bert_18k": Case("tracks", 18_732, TRACKING_BERT, 256),
    "tracking_bert_4k": Case("tracks", 4_000, TRACKING_BERT, 256),
    "event_d256": Case("events", 0, ModelSettings(width=256, layers=6, heads=8, feedforward=1024, norm="post"), 512),
    "event_d64": Case("events", 0, ModelSettings(width=64, layers=4, heads=8, feedforward=256, norm="post"), 512),
}


class Synthetic:
    """Random tracks or events in memory (the BatchSource protocol).

    Attributes:
        info: what the objective needs.
        longest: places of the longest entry.
        lengths: (entries,) number of places.
    """

    def __init__(self, case: Case, seed: int = 1, entries: int = ENTRIES) -> None:
        random = np.random.default_rng(seed)
        self.info: dict[str, Any]
        if case.kind == "tracks":
            self.lengths = random.integers(SHORTEST_TRACK, LONGEST_TRACK + 1, entries) + 2
            self.arrays = _tracks(random, self.lengths, case.vocabulary)
            self.info = {"vocabulary_size": case.vocabulary, "length_max": LONGEST_TRACK + 2}
        else:
            self.lengths = np.clip(1 + random.poisson(MEAN_OBJECTS - 1, entries), 2, SLOTS)
            self.arrays = _events(random, self.lengths)
            quantiles = {"pt": np.linspace(0, 200, 241).tolist(), "eta": np.linspace(-3, 3, 241).tolist()}
            self.info = {"n_features": len(COLUMNS), "columns": list(COLUMNS), "quantiles": quantiles}
        self.longest = int(self.lengths.max())

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return the entries at these indices, padded to the longest of them."""
        lengths = self.lengths[indices]
        chosen = {name: torch.from_numpy(values[indices, : lengths.max()]) for name, values in self.arrays.items()}
        return {**chosen, "lengths": torch.from_numpy(lengths)}


def _tracks(random: np.random.Generator, lengths: NDArray[np.int64], vocabulary: int) -> dict[str, NDArray[Any]]:
    places = np.arange(lengths.max())
    # a track follows a road but for the next modules: there is something to learn, and the loss has a floor
    roads = random.integers(0, vocabulary, (ROADS, len(places)))
    beside = random.integers(0, MODULES_OF_A_ROAD, (len(lengths), len(places)))
    modules = roads[random.integers(0, ROADS, len(lengths))] + beside
    tokens = FIRST_MODULE + modules % (vocabulary - FIRST_MODULE)
    tokens[:, 0] = CLS
    tokens[np.arange(len(lengths)), lengths - 1] = SEP
    return {"tokens": np.where(places < lengths[:, None], tokens, PAD)}


def _events(random: np.random.Generator, lengths: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    real = np.arange(SLOTS) < lengths[:, None]
    types = random.integers(1, 5, real.shape) * real
    pt, phi = random.exponential(50, real.shape), random.uniform(-np.pi, np.pi, real.shape)
    eta, mass = random.normal(0, 1, real.shape), random.exponential(10, real.shape)
    kinematics = np.stack([pt, eta, phi, mass, np.zeros(real.shape)], axis=-1)
    inputs = np.stack([np.log10(pt + 1), eta, np.sin(phi), np.cos(phi), mass / 10], axis=-1)
    one_hot = np.eye(4)[np.maximum(types - 1, 0)]
    features = np.concatenate([inputs, one_hot], axis=-1) * real[..., None]
    return {
        "features": features.astype(np.float32),
        "types": types,
        "kinematics": (kinematics * real[..., None]).astype(np.float32),
    }


def make_objective(case: Case, data: Synthetic, seed: int = 1) -> Objective:
    """Return the untrained task of a case with random weights."""
    torch.manual_seed(seed)
    if case.kind == "tracks":
        settings = ObjectiveSettings(name="mdm", mask_rate=0.15)
        return MaskedModules.build(settings, case.model, data.info)
    return MaskedKinematics.build(ObjectiveSettings(name="masked_kinematics", mask_rate=0.3), case.model, data.info)


class Ours:
    """prehep's own training, step by step.

    Attributes:
        trainer: the training; the first VALIDATION entries are not trained on.
        threads: CPU threads of a step; with more than one, seconds are those of the clock.
    """

    def __init__(
        self,
        case: Case,
        data: Synthetic,
        objective: Objective,
        precision: str,
        changes: dict[str, Any] | None = None,
    ) -> None:
        settings = TrainingSettings.model_validate(
            {
                "steps": 100_000,
                "batch_size": case.batch_size,
                "learning_rate": LEARNING_RATE,
                "weight_decay": 0.0,
                "warmup_fraction": 0.0,
                "schedule": "constant",
                "gradient_clip": CLIP,
                "threads": 1,
                "precision": precision,
                **(changes or {}),
            }
        )
        entries = np.arange(len(data.lengths))
        train, valid = entries[VALIDATION:], entries[:VALIDATION]
        self.trainer = Trainer(copy.deepcopy(objective), data, train, valid, settings, seed=1)
        self.threads = 1

    def next_batch(self) -> Batch:
        """Return the corrupted batch of the next step."""
        trainer = self.trainer
        generator = torch.Generator().manual_seed(derive_seed(trainer.seed, "mask", trainer.run.step))
        return trainer.objective.corrupt(trainer.data.batch(trainer.order(trainer.run.step)), generator)

    def step(self) -> tuple[float, float]:
        """Do a whole step, from reading the batch to the update; return CPU seconds and loss."""
        clock = time.process_time if self.threads == 1 else time.perf_counter
        with repeatable(self.threads):
            start = clock()
            self.trainer.train_step()
            seconds = clock() - start
        return seconds, self.trainer.pending[-1][0].item()


class HuggingFace:
    """The same model in transformers, float32, padded to the longest of a batch, in a usual training loop.

    AdamW with its default implementation and betas, gradients clipped to a norm, no dropout, no weight decay.
    """

    def __init__(self, objective: Objective) -> None:
        tracks = isinstance(objective, MaskedModules)
        self.module: nn.Module = HuggingFaceTracks(objective) if tracks else _events_task(objective)  # type: ignore[arg-type]
        self.module.train()
        self.optimiser = torch.optim.AdamW(self.module.parameters(), lr=LEARNING_RATE, weight_decay=0.0)

    def step(self, batch: Batch) -> tuple[float, float]:
        """Do a step on a corrupted batch that is in memory; return CPU seconds and loss."""
        start = time.process_time()
        loss = self.module(batch)["loss"]
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), CLIP)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return time.process_time() - start, loss.item()


class HuggingFaceTracks(nn.Module):
    """BertForMaskedLM with the weights of a MaskedModules; the length of a track is its token type."""

    def __init__(self, objective: MaskedModules) -> None:
        from transformers import BertForMaskedLM

        super().__init__()
        encoder = objective.encoder
        sizes = {
            "vocab_size": encoder.tokens.num_embeddings,
            "max_position_embeddings": encoder.positions.num_embeddings,
            "type_vocab_size": encoder.lengths.num_embeddings,
        }
        self.bert = BertForMaskedLM(_configuration(encoder, sizes))
        embeddings = self.bert.bert.embeddings
        embeddings.word_embeddings.load_state_dict(encoder.tokens.state_dict())
        embeddings.position_embeddings.load_state_dict(encoder.positions.state_dict())
        embeddings.token_type_embeddings.load_state_dict(encoder.lengths.state_dict())
        embeddings.LayerNorm.load_state_dict(encoder.embedding_norm.state_dict())
        _copy_blocks(encoder.transformer.blocks, self.bert.bert.encoder.layer)
        head = self.bert.cls.predictions
        head.transform.dense.load_state_dict(objective.transform[0].state_dict())
        head.transform.LayerNorm.load_state_dict(objective.transform[2].state_dict())

    def forward(self, batch: Batch) -> Batch:
        """Return the loss of a corrupted batch."""
        tokens = batch["tokens"]
        found = self.bert(
            input_ids=tokens,
            attention_mask=(tokens != PAD).long(),
            token_type_ids=batch["lengths"].unsqueeze(1).expand_as(tokens),
            labels=batch["targets"].masked_fill(~batch["chosen"], -100),
        )
        return {"loss": found.loss}


class HuggingFaceEvents(nn.Module):
    """BertModel on the embedded objects with the weights of an EventEncoder; no positions, as there."""

    def __init__(self, encoder: EventEncoder) -> None:
        from transformers import BertModel

        super().__init__()
        self.linear, norm = copy.deepcopy(encoder.embedding)
        sizes = {"vocab_size": 1, "max_position_embeddings": SLOTS, "type_vocab_size": 1}
        self.bert = BertModel(_configuration(encoder, sizes), add_pooling_layer=False)
        embeddings = self.bert.embeddings
        for unused in (embeddings.word_embeddings, embeddings.position_embeddings, embeddings.token_type_embeddings):
            nn.init.zeros_(unused.weight).requires_grad = False
        embeddings.LayerNorm.load_state_dict(norm.state_dict())
        _copy_blocks(encoder.transformer.blocks, self.bert.encoder.layer)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, slots, width)."""
        found = self.bert(inputs_embeds=self.linear(features), attention_mask=mask.long())
        encoded: Tensor = found.last_hidden_state
        return encoded


def _events_task(objective: Objective) -> Objective:
    """Return a copy of the task, heads included, with HuggingFace's encoder."""
    task = copy.deepcopy(objective)
    task.encoder = HuggingFaceEvents(task.encoder)  # type: ignore[arg-type]
    return task


def _configuration(encoder: nn.Module, sizes: dict[str, Any]) -> Any:
    from transformers import BertConfig

    blocks: Any = encoder.transformer.blocks  # type: ignore[union-attr]
    return BertConfig(
        hidden_size=blocks[0].network[0].in_features,
        num_hidden_layers=len(blocks),
        num_attention_heads=blocks[0].attention.heads,
        intermediate_size=blocks[0].network[0].out_features,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-5,
        pad_token_id=PAD,
        **sizes,
    )


def _copy_blocks(blocks: Any, layers: Any) -> None:
    for block, layer in zip(blocks, layers, strict=True):
        attention, projections = layer.attention, block.attention.project_in
        for part, weight, bias in zip(
            (attention.self.query, attention.self.key, attention.self.value),
            projections.weight.chunk(3),
            projections.bias.chunk(3),
            strict=True,
        ):
            part.load_state_dict({"weight": weight, "bias": bias})
        attention.output.dense.load_state_dict(block.attention.project_out.state_dict())
        attention.output.LayerNorm.load_state_dict(block.attention_norm.state_dict())
        layer.intermediate.dense.load_state_dict(block.network[0].state_dict())
        layer.output.dense.load_state_dict(block.network[2].state_dict())
        layer.output.LayerNorm.load_state_dict(block.network_norm.state_dict())
