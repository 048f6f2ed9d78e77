"""When a training went wrong, and how slowly it goes on from its last good state.

A loss diverges when the mean of the last WINDOW steps lies above the lowest such mean so far by more than the largest
of

- twice the lowest mean, and the loss of the first step: an explosion, which no noise and no warm-up does;
- ten standard deviations of the single steps in the window of the lowest mean, for losses that cross zero (energies);
- 1, so that a loss near 0 may move: losses are in nats, or squared in units of standardised features.

A loss that fell by more than these ten standard deviations collapses, most often to chance, when it loses four fifths
of what it had gained. An anchor is taken only within a quarter of either limit, so that a training that is on its way
up is not taken for a state to go back to.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from prehep.core.errors import TrainingError

SLOWDOWN = 0.5
WINDOW = 20
DEVIATIONS = 10.0
SMALLEST_RISE = 1.0
COLLAPSE = 0.8
GOOD = 0.25


class Trouble(NamedTuple):
    """What went wrong: at which step (from 0), the loss there, and in words."""

    step: int
    loss: float
    what: str


@dataclass
class Guard:
    """The memory of the guard, saved with the training.

    Attributes:
        first: loss of the first step.
        recent: losses of the last steps, at most WINDOW.
        lowest: lowest mean of WINDOW losses.
        spread: standard deviation of the losses around that mean.
        records: one per return to an anchor: step, back_to, loss, learning_rate_factor.
    """

    first: float | None = None
    recent: list[float] = field(default_factory=list)
    lowest: float = math.inf
    spread: float = 0.0
    records: list[dict[str, float]] = field(default_factory=list)

    @property
    def factor(self) -> float:
        """Return the factor on the learning rate."""
        return float(SLOWDOWN ** len(self.records))

    def judge(self, losses: Sequence[float], norms: Sequence[float], step: int) -> Trouble | None:
        """Return what is wrong with the steps since the last check, None where nothing is.

        Args:
            losses: of these steps.
            norms: of their gradients, before clipping.
            step: the first of them.
        """
        for offset, (loss, norm) in enumerate(zip(losses, norms, strict=True)):
            if not math.isfinite(loss):
                return Trouble(step + offset, loss, f"the training loss is {loss}")
            if not math.isfinite(norm):
                return Trouble(step + offset, loss, f"the norm of the gradient is {norm}")
        if losses and self.first is None:
            self.first = losses[0]
        self.recent = [*self.recent, *losses][-WINDOW:]
        if len(self.recent) < WINDOW:
            return None
        mean = math.fsum(self.recent) / WINDOW
        if mean > self._reference + self.tolerance:
            what = f"the training loss rose to {mean:.4g} after {self._reference:.4g}"
            return Trouble(step + len(losses) - 1, mean, what)
        if mean < self.lowest:
            self.lowest = mean
            self.spread = math.sqrt(math.fsum((loss - mean) ** 2 for loss in self.recent) / WINDOW)
        return None

    @property
    def tolerance(self) -> float:
        """Return by how much the mean loss may rise above the lowest."""
        lowest, first = self._reference, self.first or 0.0
        gained = first - lowest
        noise = DEVIATIONS * self.spread
        explosion = max(2 * abs(lowest), abs(first), noise, SMALLEST_RISE)
        return min(explosion, COLLAPSE * gained) if gained > noise else explosion

    @property
    def is_good(self) -> bool:
        """Tell whether the last losses are those of a state to go back to."""
        if len(self.recent) < WINDOW:
            return False
        return math.fsum(self.recent) / WINDOW <= self._reference + GOOD * self.tolerance

    @property
    def _reference(self) -> float:
        """Return the lowest mean, or the first loss before there is one."""
        return self.lowest if math.isfinite(self.lowest) else self.first or 0.0

    def recover(self, trouble: Trouble, back_to: int, recoveries: int) -> None:
        """Record a return to the state after `back_to` steps, and lower the learning rate.

        Raises:
            TrainingError: this was done `recoveries` times before.
        """
        if len(self.records) >= recoveries:
            tried = f" after {recoveries} attempts with lower learning rates" if recoveries else ""
            raise TrainingError(
                f"{trouble.what} at step {trouble.step}{tried}, expected a finite one that falls; "
                "lower learning_rate or gradient_clip, lengthen warmup_fraction, or look for bad values in the tokens."
            )
        self.recent.clear()
        self.records.append(
            {
                "step": trouble.step,
                "back_to": back_to,
                "loss": trouble.loss,
                "learning_rate_factor": self.factor * SLOWDOWN,
            }
        )
