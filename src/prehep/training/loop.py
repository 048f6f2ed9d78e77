"""The loop around a training: continue where a killed one stopped, save, and stop when the scheduler says so."""

import time
from dataclasses import dataclass
from typing import NoReturn

import psutil
import torch

from prehep.core.errors import StoppedError
from prehep.core.logging import Progress, logger
from prehep.training.device import repeatable
from prehep.training.interruption import StopRequest, stop_request
from prehep.training.state import StateStore
from prehep.training.trainer import Trainer

STATE_SECONDS = 20.0


@dataclass(frozen=True)
class TrainingResult:
    """The outcome of `fit`.

    Attributes:
        history: one row per validation.
        recoveries: one record per return to an earlier state: step, back_to, loss, learning_rate_factor.
        kept_step: the step whose weights the objective has now.
        seconds: duration in this process, not in earlier, killed ones.
        steps_per_second: the same.
        first_step_seconds: from the start of this process to the end of its first step; None where none was left.
        resumed_from: step of the state from which this process continued.
    """

    history: list[dict[str, float]]
    recoveries: list[dict[str, float]]
    kept_step: int
    seconds: float
    steps_per_second: float
    first_step_seconds: float | None
    resumed_from: int


def fit(
    trainer: Trainer, store: StateStore, progress: Progress, state_seconds: float = STATE_SECONDS
) -> TrainingResult:
    """Train to the end, continuing from the state in `store` where there is one, and keep the best weights.

    Args:
        trainer: the training, new.
        store: where states are read and written; the last one stays until the caller wipes it.
        progress: told about every step.
        state_seconds: time between two states.

    Raises:
        TrainingError: the loss is not finite or diverges, also at lower learning rates.
        StoppedError: SIGTERM came; the state is saved.
    """
    with repeatable(trainer.threads), stop_request() as request:
        _resume(trainer, store)
        pace = _Pace(trainer.run.step)
        progress.advance(trainer.run.step)
        last_saved = time.monotonic()
        while not trainer.finished:
            before = trainer.run.step
            trainer.advance()
            pace.count_step()
            progress.advance(trainer.run.step - before, **_facts(trainer))
            stopping = _any_asked_to_stop(trainer, request)
            if trainer.finished or stopping or time.monotonic() - last_saved >= state_seconds:
                _save(trainer, store)
                last_saved = time.monotonic()
            if stopping and not trainer.finished:
                _stop(trainer, store)
        trainer.keep_result()
    return pace.result(trainer)


class _Pace:
    """Counts and times the steps of this process."""

    def __init__(self, resumed_from: int) -> None:
        self.resumed_from, self.steps = resumed_from, 0
        self.start = time.monotonic()
        self.first_step_seconds: float | None = None

    def count_step(self) -> None:
        """Count a step, also one that the training returns from; tell when the first was done."""
        self.steps += 1
        if self.first_step_seconds is None:
            self.first_step_seconds = time.time() - float(psutil.Process().create_time())
            logger.info("first step after %.2f s", self.first_step_seconds)

    def result(self, trainer: Trainer) -> TrainingResult:
        """Return the outcome of a training that has ended."""
        seconds = time.monotonic() - self.start
        return TrainingResult(
            history=trainer.run.history,
            recoveries=trainer.guard.records,
            kept_step=trainer.run.step if trainer.best is None else trainer.run.best_step,
            seconds=seconds,
            steps_per_second=self.steps / seconds if self.steps else 0.0,
            first_step_seconds=self.first_step_seconds,
            resumed_from=self.resumed_from,
        )


def _resume(trainer: Trainer, store: StateStore) -> None:
    """Continue from the newest state, the same in all processes; the first one alone may remove states."""
    fabric = trainer.fabric
    saved = store.load() if fabric.is_global_zero else None
    fabric.barrier()
    if not fabric.is_global_zero:
        saved = store.load()
    fabric.barrier()
    if saved is not None:
        trainer.restore(saved[1])
        logger.info("continuing from step %d of %d", trainer.run.step, trainer.settings.steps)


def _save(trainer: Trainer, store: StateStore) -> None:
    """Write the state, which is the same in all processes, in the first one."""
    if trainer.fabric.is_global_zero:
        store.save(trainer.run.step, trainer.content())


def _stop(trainer: Trainer, store: StateStore) -> NoReturn:
    """End a training whose state is saved.

    Raises:
        StoppedError: always.
    """
    # a launcher ends all processes as soon as one has ended: not before the state is written
    trainer.fabric.barrier()
    raise StoppedError(
        f"stopped by SIGTERM at step {trainer.run.step} of {trainer.settings.steps}; "
        f"the state is saved in {store.folder}, and the same command continues."
    )


def _any_asked_to_stop(trainer: Trainer, request: StopRequest) -> bool:
    """Tell whether any process was asked to stop, so that all of them stop after the same step."""
    fabric = trainer.fabric
    if fabric.world_size == 1:
        return request.made
    asked = torch.tensor(float(request.made), device=fabric.device)
    return bool(fabric.all_reduce(asked, reduce_op="sum") > 0)


def _facts(trainer: Trainer) -> dict[str, float]:
    """Return the losses of the last validation, for the progress bar."""
    history = trainer.run.history
    return {name: history[-1][name] for name in ("train_loss", "valid_loss")} if history else {}
