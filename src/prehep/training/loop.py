"""The loop of every self-supervised training: batches, masks and dropout are functions of (seed, step) alone.

So a run that was killed and continues from its state ends in the bits of the uninterrupted run.
"""

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prehep.core.config.training import TrainingSettings
from prehep.core.errors import TrainingError
from prehep.core.logging import Progress, logger
from prehep.core.seeds import derive_seed
from prehep.objectives.base import Objective
from prehep.training.device import make_fabric, repeatable, seed_dropout
from prehep.training.optimisers import make_optimisers
from prehep.training.sampling import BatchOrder, draw_entries
from prehep.training.schedules import learning_rate_factor, set_learning_rate
from prehep.training.state import StateStore

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECK_INTERVAL = 20
STATE_SECONDS = 20.0
HISTORY_COLUMNS = ("step", "learning_rate", "train_loss", "valid_loss", "valid_loss_masked", "valid_loss_all")


class BatchSource(Protocol):
    """Tokenised data, of which the loop needs only whole batches by index."""

    def batch(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return the entries at these indices, stacked, on the CPU."""
        ...


@dataclass
class TrainingRun:
    """What a training has done so far; all of it is saved and restored.

    Attributes:
        step: finished steps.
        history: one row per validation, with HISTORY_COLUMNS.
        losses: training losses since the last validation.
    """

    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class TrainingResult:
    """The outcome of `fit`: the history, and the speed of this process (not of earlier, killed ones)."""

    history: list[dict[str, float]]
    seconds: float
    steps_per_second: float
    resumed_from: int


class Trainer:
    """One training of one objective on one device.

    Args:
        objective: what is trained, in place.
        data: tokenised entries.
        train: indices of the training entries.
        valid: indices of the validation entries; at most `settings.validation_entries` of them are used.
        settings: optimisation.
        seed: seed of batches, masks and dropout.
        device: auto, cpu or cuda.
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
        self.data, self.settings, self.seed = data, settings, seed
        self.valid = draw_entries(valid, settings.validation_entries, "validation")
        self.order = BatchOrder(train, settings.batch_size, seed)
        self.fabric: Fabric = make_fabric(device, settings.precision)
        self.objective = objective
        self.optimisers = make_optimisers(objective, settings.optimiser, settings.learning_rate, settings.weight_decay)
        self.module, *self.stepped = self.fabric.setup(objective, *self.optimisers)
        self.run = TrainingRun()
        self.pending: list[Tensor] = []

    def restore(self, step: int, content: dict[str, Any]) -> None:
        """Continue from the content of a state."""
        self.objective.load_state_dict(content["objective"])
        for optimiser, saved in zip(self.optimisers, content["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.run = TrainingRun(step, content["history"], content["losses"])

    def content(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {
            "objective": self.objective.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "history": self.run.history,
            "losses": self.run.losses,
        }

    def train_step(self) -> None:
        """Do one optimisation step."""
        step = self.run.step
        seed_dropout(derive_seed(self.seed, "dropout", step), self.fabric.device.type)
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "mask", step))
        batch = self.objective.corrupt(self.data.batch(self.order(step)), generator)
        set_learning_rate(self.optimisers, self.learning_rate(step))
        self.module.train()
        loss = self.module(self._to_device(batch))["loss"]
        self.fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.objective.parameters(), self.settings.gradient_clip)
        for optimiser in self.stepped:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.pending.append(loss.detach())
        self.run.step += 1

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of one step."""
        s = self.settings
        factor = learning_rate_factor(step, s.steps, s.warmup_fraction, s.schedule, s.final_fraction)
        return s.learning_rate * factor

    def check(self) -> None:
        """Fetch the losses of the last steps from the device and make sure they are numbers.

        Raises:
            TrainingError: a loss is infinite or not a number.
        """
        losses = torch.stack(self.pending).float().tolist() if self.pending else []
        for offset, loss in enumerate(losses):
            if not math.isfinite(loss):
                step = self.run.step - len(losses) + offset
                raise TrainingError(
                    f"the training loss is {loss} at step {step}, expected a finite number; "
                    "lower learning_rate or gradient_clip, or look for bad values in the tokens."
                )
        self.pending.clear()
        self.run.losses.extend(losses)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return the validation losses with masks that are the same at every call; means are over all terms."""
        self.module.eval()
        sums = dict.fromkeys(("loss", "loss_masked", "loss_all"), 0.0)
        counts = dict.fromkeys(sums, 0.0)
        for start in range(0, len(self.valid), self.settings.batch_size):
            indices = self.valid[start : start + self.settings.batch_size]
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "validation mask", start))
            found = self.module(self._to_device(self.objective.corrupt(self.data.batch(indices), generator)))
            terms = {"loss": len(indices), "loss_masked": found["n_masked"], "loss_all": found["n_all"]}
            for name, count in terms.items():
                sums[name] += float(found[name]) * float(count)
                counts[name] += float(count)
        return {f"valid_{name}": sums[name] / max(1.0, counts[name]) for name in sums}

    def add_history(self) -> dict[str, float]:
        """Validate and append one row to the history."""
        losses, self.run.losses = self.run.losses, []
        row = {
            "step": self.run.step,
            "learning_rate": self.learning_rate(self.run.step - 1),
            "train_loss": math.fsum(losses) / max(1, len(losses)),
            **self.validate(),
        }
        self.run.history.append(row)
        return row

    def _to_device(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        moved: dict[str, Tensor] = self.fabric.to_device(batch)
        return moved


def fit(
    trainer: Trainer, store: StateStore, progress: Progress, state_seconds: float = STATE_SECONDS
) -> TrainingResult:
    """Train to the last step, continuing from the state in `store` where there is one.

    Args:
        trainer: the training, new.
        store: where states are read and written; the last one stays until the caller wipes it.
        progress: told about every step.
        state_seconds: time between two states.

    Raises:
        TrainingError: the loss is infinite or not a number.
    """
    settings, run = trainer.settings, trainer.run
    with repeatable(settings.threads):
        saved = store.load()
        if saved is not None:
            trainer.restore(*saved)
            run = trainer.run
            logger.info("continuing from step %d of %d", run.step, settings.steps)
        facts: dict[str, float] = {}
        first, start = run.step, time.monotonic()
        last_saved = start
        progress.advance(first)
        while run.step < settings.steps:
            trainer.train_step()
            validating = run.step % settings.validation_interval == 0 or run.step == settings.steps
            if validating or run.step % CHECK_INTERVAL == 0:
                trainer.check()
            if validating:
                row = trainer.add_history()
                logger.info("%s", " ".join(f"{name} {value:.5g}" for name, value in row.items()))
                facts = {name: row[name] for name in ("train_loss", "valid_loss")}
            progress.advance(1, **facts)
            if run.step == settings.steps or time.monotonic() - last_saved >= state_seconds:
                trainer.check()
                store.save(run.step, trainer.content())
                last_saved = time.monotonic()
    seconds = time.monotonic() - start
    done = run.step - first
    return TrainingResult(run.history, seconds, done / seconds if done else 0.0, first)
