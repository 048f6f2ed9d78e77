"""What each trick of the training gains, how much memory it takes, and whether bfloat16 ends where float32 does."""

import contextlib
import multiprocessing
import resource
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import psutil
import torch
from throughput_cases import CASES, LEARNING_RATE, Case, HuggingFace, Ours, Synthetic, make_objective
from torch import Tensor
from torch.nn import functional as F

from prehep.models.attention import Layout, make_gather, make_layout
from prehep.objectives.base import Batch
from prehep.objectives.mdm import MaskedModules
from prehep.training.sub_batches import parts_of

MEMORY_BATCH = 1_024
MEMORY_STEPS = 3
HUGGINGFACE_GB = 14.0
CONVERGENCE_STEPS = 600


@dataclass(frozen=True)
class Variant:
    """One state of the code between the plain one and prehep's.

    Attributes:
        name: what was added to the variant before.
        every_logit: logits at every place and not at the chosen hits alone (tracks).
        torch_loss: `F.cross_entropy` and not the chunked one (tracks).
        torch_attention: `F.scaled_dot_product_attention`, one sequence at a time.
        padded: padding in every layer.
        fused: fused AdamW and not the default one.
        parts: sub-batches.
        precision: float32 or bfloat16.
        threads: CPU threads; with more than one, seconds are those of the clock.
    """

    name: str
    every_logit: bool = False
    torch_loss: bool = False
    torch_attention: bool = False
    padded: bool = False
    fused: bool = True
    parts: int = 1
    precision: str = "float32"
    threads: int = 1

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Put the plain code in the place of prehep's inside."""
        changes: list[tuple[str, Any]] = [("prehep.training.distribution.parts_of", lambda _: self.parts)]
        if self.every_logit:
            changes.append(("prehep.objectives.mdm.MaskedModules._asked", _every_place))
        if self.torch_loss:
            changes.append(("prehep.objectives.mdm.linear_cross_entropy", _torch_loss))
        if self.torch_attention:
            changes.append(("prehep.models.transformer.attend", _torch_attention))
            changes.append(("prehep.models.attention.SHORTEST", 1))
        if self.padded:
            changes.append(("prehep.models.transformer.make_layout", _padded_layout))
        with contextlib.ExitStack() as stack:
            for target, replacement in changes:
                stack.enter_context(mock.patch(target, replacement))
            yield


def ladder(case: Case) -> list[Variant]:
    """Return the variants in the order in which the tricks were added."""
    plain: dict[str, Any] = {"torch_attention": True, "padded": True, "fused": False}
    tracks = [
        Variant("same code as transformers", every_logit=True, torch_loss=True, **plain),
        Variant("logits at chosen hits", torch_loss=True, **plain),
    ]
    best = parts_of(case.batch_size)
    return [
        *(tracks if case.kind == "tracks" else []),
        Variant("chunked cross-entropy" if case.kind == "tracks" else "same code as transformers", **plain),
        Variant("own attention", padded=True, fused=False),
        Variant("no padding outside attention", fused=False),
        Variant("fused AdamW"),
        *(Variant(f"{parts} sub-batches", parts=parts) for parts in (2, 4, 8)),
        Variant(f"{best} sub-batches, bfloat16", parts=best, precision="bfloat16"),
        Variant("the same, torch's attention", parts=best, precision="bfloat16", torch_attention=True),
        Variant("the same, 2 threads (clock)", parts=best, precision="bfloat16", threads=2),
    ]


def tricks(case: Case, steps: int) -> dict[str, dict[str, Any]]:
    """Return, for every variant, how much faster it is than HuggingFace on the same batches.

    Args:
        case: shape to measure.
        steps: number of rounds; the first warms up.
    """
    data = Synthetic(case)
    objective = make_objective(case, data)
    variants = ladder(case)
    theirs = HuggingFace(objective)
    ours = [Ours(case, data, objective, variant.precision) for variant in variants]
    for variant, mine in zip(variants, ours, strict=True):
        mine.threads = variant.threads
        if not variant.fused:
            stepper = mine.trainer.stepper
            stepper.optimisers = [torch.optim.AdamW(stepper.module.parameters(), lr=LEARNING_RATE, weight_decay=0.0)]
            stepper.stepped = stepper.optimisers
    ratios: list[list[float]] = [[] for _ in variants]
    for _ in range(steps):
        cost, _loss = theirs.step(ours[0].next_batch())
        for variant, mine, found in zip(variants, ours, ratios, strict=True):
            with variant.active():
                found.append(cost / mine.step()[0])
    return {
        variant.name: {"ratio": round(statistics.median(found[1:] or found), 2)}
        for variant, found in zip(variants, ratios, strict=True)
    }


def memory() -> dict[str, dict[str, Any]]:
    """Return the peak memory of a few steps of TrackingBERT, each contestant in a process of its own.

    HuggingFace gets the largest batch whose need, which is proportional, fits into half of the free memory.
    """
    free = psutil.virtual_memory().available / 1e9
    theirs = MEMORY_BATCH
    while theirs > 1 and HUGGINGFACE_GB * theirs / MEMORY_BATCH > free / 2:
        theirs //= 2
    context = multiprocessing.get_context("spawn")
    found = {}
    runs = {"prehep, float32": "float32", "prehep, bfloat16": "bfloat16", "HuggingFace, float32": None}
    for name, precision in runs.items():
        batch_size = theirs if precision is None else MEMORY_BATCH
        with context.Pool(1) as pool:
            peak = pool.apply(_peak_memory, (batch_size, precision))
        found[name] = {"batch_size": batch_size, "peak_gb": round(peak, 2)}
    return found


def _peak_memory(batch_size: int, precision: str | None) -> float:
    """Train for a few steps; return the peak memory of this process in GB."""
    torch.set_num_threads(1)
    case = CASES["tracking_bert_18k"]._replace(batch_size=batch_size)
    data = Synthetic(case)
    objective = make_objective(case, data)
    mine = Ours(case, data, objective, precision or "float32")
    theirs = HuggingFace(objective) if precision is None else None
    for _ in range(MEMORY_STEPS):
        if theirs is None:
            mine.step()
        else:
            theirs.step(mine.next_batch())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def convergence(case: Case, steps: int | None = None) -> dict[str, Any]:
    """Return the validation losses after the same training in float32 and in bfloat16, and how far they are apart.

    Args:
        case: shape to train, with warm-up and a cosine schedule.
        steps: length of the training; None = CONVERGENCE_STEPS.
    """
    data = Synthetic(case)
    objective = make_objective(case, data)
    steps = steps or CONVERGENCE_STEPS
    changes = {"steps": steps, "warmup_fraction": 0.05, "schedule": "cosine"}
    found: dict[str, float] = {}
    for precision in ("float32", "bfloat16"):
        mine = Ours(case, data, objective, precision, changes)
        for _ in range(steps):
            mine.step()
        found[precision] = mine.trainer.validate(mine.trainer.module)["valid_loss"]
    return {**found, "relative_difference": found["bfloat16"] / found["float32"] - 1}


def _every_place(_: MaskedModules, batch: Batch) -> Tensor:
    return torch.ones_like(batch["chosen"])


def _torch_loss(hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    asked = targets.masked_fill(weights == 0, -100)
    values = F.cross_entropy(F.linear(hidden, table, bias).float(), asked, reduction="none")
    return values.sum(), values.detach()


def _padded_layout(mask: Tensor, heads: int) -> Layout:
    layout = make_layout(mask, heads)
    places = torch.arange(mask.numel())
    gather = make_gather(places, layout.rows, layout.length, layout.bias.shape[1], heads)
    return layout._replace(places=places, gather=gather)


def _torch_attention(projected: Tensor, layout: Layout, heads: int, dropout: float = 0.0) -> Tensor:
    rows, length = layout.rows, layout.length
    query, key, value = layout.pad(projected).view(rows, length, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind()
    allowed = layout.bias.view(rows, heads, 1, length).to(query.dtype)
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed, dropout_p=dropout)
    return layout.take(mixed.transpose(1, 2).reshape(rows, length, -1))
