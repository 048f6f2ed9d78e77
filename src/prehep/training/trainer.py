"""The steps of a self-supervised training: batches, masks and dropout are functions of (seed, step) alone.

So a training that was killed and continues from its state ends in the bits of the uninterrupted one. Everything that
decides what comes next happens at fixed steps, and everything it depends on is in the state.
"""

import copy
import math
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prehep.core.config.training import TrainingSettings
from prehep.core.errors import TrainingError
from prehep.core.logging import logger
from prehep.core.seeds import derive_seed
from prehep.objectives.base import Objective
from prehep.training.device import compiled, make_fabric, seed_dropout
from prehep.training.distribution import WeightedPart, weighted_parts
from prehep.training.guard import Guard, Trouble
from prehep.training.sampling import BatchOrder, BatchSource, draw_entries
from prehep.training.schedules import Schedule
from prehep.training.static_shapes import StaticShapes
from prehep.training.stepping import Stepper
from prehep.training.validation import Validation

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECK_INTERVAL = 20
ANCHOR_INTERVAL = 5 * CHECK_INTERVAL
HISTORY_COLUMNS = ("step", "learning_rate", "train_loss", "valid_loss", "valid_loss_masked", "valid_loss_all")


@dataclass
class TrainingRun:
    """What a training has done so far, apart from its weights.

    Attributes:
        step: finished steps.
        history: one row per validation, with HISTORY_COLUMNS.
        losses: training losses since the last validation.
        best_step: step of the validation with the lowest loss, where the training may stop early.
        best_loss: that loss.
    """

    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    best_step: int = 0
    best_loss: float = math.inf

    def validations_since_best(self) -> int:
        """Return how many validations found no lower loss than the best one."""
        return sum(row["step"] > self.best_step for row in self.history)


class Trainer:
    """One training of one objective, by this process and those it was launched with.

    Args:
        objective: what is trained, in place.
        data: tokenised entries.
        train: indices of the training entries.
        valid: indices of the validation entries; at most `settings.validation_entries` of them are used.
        settings: optimisation.
        seed: seed of batches, masks and dropout.
        device: auto, cpu or cuda.

    Attributes:
        run: what was done.
        guard: what it remembers of the losses, and the returns to an anchor.
        anchor: copy of the last good state.
        best: weights of the best validation, where the training may stop early.

    Raises:
        TrainingError: there is nothing to train or to validate on.
        ConfigError: the device cannot be used, or threads or precision are not decided yet.
    """

    def __init__(
        self,
        objective: Objective,
        data: BatchSource,
        train: NDArray[np.int64],
        valid: NDArray[np.int64],
        settings: TrainingSettings,
        seed: int,
        device: str = "cpu",
    ) -> None:
        if not len(train) or not len(valid):
            raise TrainingError(
                f"{len(train)} training and {len(valid)} validation entries are left, expected at least one of each; "
                "use more events or a larger validation fraction."
            )
        self.objective, self.data, self.settings, self.seed = objective, data, settings, seed
        self.threads = settings.planned_threads()
        self.fabric: Fabric = make_fabric(device, settings.precision)
        self.order = BatchOrder(train, settings.batch_size, seed)
        entries = draw_entries(valid, settings.validation_entries, "validation")
        self.validate = Validation(objective, data, entries, settings.batch_size, seed, self.fabric)
        self.stepper = _stepper(objective.to(self.fabric.device), settings)
        on_device = compiled(objective, self.fabric.device.type)
        # CUDA graphs replay one shape, and sub-batches of different lengths would save nothing
        self.static = StaticShapes(objective, data.longest) if self.fabric.device.type == "cuda" else None
        self.module, *self.stepper.stepped = self.fabric.setup(on_device, *self.stepper.optimisers)
        self.run, self.guard = TrainingRun(), Guard()
        self.pending: list[Tensor] = []
        self.best: dict[str, Tensor] | None = None
        self.anchor = _copy(self._now())

    @property
    def finished(self) -> bool:
        """Tell whether the last step was done, or nothing was gained for too long."""
        patience = self.settings.patience
        stopped = patience is not None and self.run.validations_since_best() >= patience
        return stopped or self.run.step >= self.settings.steps

    def advance(self) -> None:
        """Do one step and what is due after it: look at the losses, validate, remember the state or return to one.

        Raises:
            TrainingError: the loss is not finite or diverges, also at lower learning rates.
        """
        self.train_step()
        step, settings = self.run.step, self.settings
        validating = step % settings.validation_interval == 0 or step == settings.steps
        if not (validating or step % CHECK_INTERVAL == 0):
            return
        trouble = self._check()
        if validating and trouble is None:
            trouble = self._add_history()
        if trouble is not None:
            self._roll_back(trouble)
        elif step % ANCHOR_INTERVAL == 0 and self.guard.is_good:
            self.anchor = _copy(self._now())

    def train_step(self) -> None:
        """Do one optimisation step."""
        step = self.run.step
        shared = self.fabric.world_size > 1
        # processes must not drop the same units of their different entries
        rank = (self.fabric.global_rank,) if self.fabric.global_rank else ()
        seed_dropout(derive_seed(self.seed, "dropout", step, *rank), self.fabric.device.type)
        self.module.train()
        losses = []
        parts = self._parts(step)
        for number, part in enumerate(parts, start=1):
            with self.fabric.no_backward_sync(self.module) if shared and number < len(parts) else nullcontext():
                loss = self.module(self.fabric.to_device(part.batch))["loss"] * part.weight
                self.fabric.backward(loss * self.fabric.world_size)
            losses.append(loss.detach())
        norm = self.stepper.step(step)
        total = torch.stack(losses).sum()
        if shared:
            total = self.fabric.all_reduce(total, reduce_op="sum")
        self.pending.append(torch.stack([total, total if norm is None else norm]))
        self.run.step += 1

    def content(self) -> dict[str, Any]:
        """Return what `restore` needs, of this step; the tensors are not copied."""
        return {
            **self._now(),
            "anchor": self.anchor,
            "guard": asdict(self.guard),
            "pending": torch.stack(self.pending) if self.pending else None,
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Continue from the content of a state."""
        self.guard = Guard(**content["guard"])
        self.anchor = content["anchor"]
        self._set(content)
        pending = content["pending"]
        self.pending = [] if pending is None else list(pending.to(self.fabric.device))

    def keep_result(self) -> None:
        """Give the objective the weights to keep: the best ones where the training may stop early, else the average."""
        weights = self.stepper.result.state_dict() if self.best is None else self.best
        self.objective.load_state_dict(weights)

    def _parts(self, step: int) -> list[WeightedPart]:
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "mask", step))
        batch = self.objective.corrupt(self.data.batch(self.order(step)), generator)
        rank, world_size, static = self.fabric.global_rank, self.fabric.world_size, self.static
        parts = weighted_parts(self.objective, batch, rank, world_size, divide=static is None)
        return parts if static is None else [WeightedPart(static(part), weight) for part, weight in parts]

    def _check(self) -> Trouble | None:
        """Fetch the losses of the last steps from the device; return what is wrong with them."""
        found = torch.stack(self.pending).float().cpu() if self.pending else torch.empty(0, 2)
        losses, norms = found[:, 0].tolist(), found[:, 1].tolist()
        self.pending.clear()
        self.run.losses.extend(losses)
        return self.guard.judge(losses, norms, self.run.step - len(losses))

    def _add_history(self) -> Trouble | None:
        """Validate and append one row to the history; return what is wrong with the loss."""
        run = self.run
        losses, run.losses = run.losses, []
        row = {
            "step": run.step,
            "learning_rate": self.stepper.learning_rate(run.step - 1),
            "train_loss": math.fsum(losses) / max(1, len(losses)),
            **self.validate(self.stepper.result),
        }
        run.history.append(row)
        logger.info("%s", " ".join(f"{name} {value:.5g}" for name, value in row.items()))
        if not math.isfinite(row["valid_loss"]):
            return Trouble(run.step - 1, row["valid_loss"], f"the validation loss is {row['valid_loss']}")
        if self.settings.patience is not None and row["valid_loss"] < run.best_loss:
            run.best_step, run.best_loss = run.step, row["valid_loss"]
            self.best = copy.deepcopy(self.stepper.result.state_dict())
        return None

    def _roll_back(self, trouble: Trouble) -> None:
        """Return to the anchor and go on more slowly."""
        back_to = self.anchor["run"]["step"]
        self.guard.recover(trouble, back_to, self.settings.recoveries)
        self._set(_copy(self.anchor))
        logger.warning(
            "%s at step %d; back to step %d with %g times the learning rate",
            trouble.what,
            trouble.step,
            back_to,
            self.guard.factor,
        )

    def _now(self) -> dict[str, Any]:
        """Return weights, optimisers and progress, the tensors not copied."""
        return {
            "objective": self.objective.state_dict(),
            "stepper": self.stepper.state_dict(),
            "run": asdict(self.run),
            "best": self.best,
        }

    def _set(self, content: dict[str, Any]) -> None:
        """Put weights, optimisers and progress back; the optimisers take over the tensors."""
        self.objective.load_state_dict(content["objective"])
        self.stepper.load_state_dict(content["stepper"])
        self.stepper.factor = self.guard.factor
        self.run = TrainingRun(**content["run"])
        self.best = content["best"]


def _copy(content: dict[str, Any]) -> dict[str, Any]:
    """Return weights, optimisers and progress with their own memory, except the best weights, which nobody changes."""
    best = content["best"]
    return {**copy.deepcopy({**content, "best": None}), "best": best}


def _stepper(objective: Objective, settings: TrainingSettings) -> Stepper:
    schedule = Schedule(settings.steps, settings.warmup_fraction, settings.schedule, settings.final_fraction)
    return Stepper(
        objective,
        settings.optimiser,
        settings.learning_rate,
        settings.weight_decay,
        schedule,
        clip=settings.gradient_clip,
        ema_decay=settings.ema_decay,
    )
