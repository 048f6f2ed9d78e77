"""A sweep over label counts and seeds: what can be fitted now, on any number of workers, each fit done once."""

import heapq
import itertools
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from prehep.core.errors import TrainingError
from prehep.core.logging import Progress, logger
from prehep.training.classification import ClassifierFit
from prehep.training.fit_store import FitKey, FitStore

Fit = Callable[[FitKey], ClassifierFit]


@dataclass(frozen=True)
class SweepGrid:
    """The fits of a sweep.

    The first seed of a label count tries every learning rate; the one with the best validation AUC (the first of
    equals) gives that seed's result and is used by the other seeds.

    Attributes:
        n_labels: training labels per class.
        seeds: seeds of labels, batches and new weights.
        learning_rates: tried in turn.
        cost: about how long a fit with so many labels takes, in any unit.
    """

    n_labels: tuple[int, ...]
    seeds: tuple[int, ...]
    learning_rates: tuple[float, ...]
    cost: Callable[[int], float]

    def __len__(self) -> int:
        """Return the number of fits."""
        return len(set(self.n_labels)) * (len(set(self.learning_rates)) + len(set(self.seeds)) - 1)

    def tuning(self, n_labels: int) -> list[FitKey]:
        """Return the fits from which the learning rate of a label count is chosen."""
        return [FitKey(n_labels, self.seeds[0], rate) for rate in self.learning_rates]

    def points(self, n_labels: int, learning_rate: float) -> list[FitKey]:
        """Return the fits that are the results of a label count, by its learning rate."""
        return [FitKey(n_labels, seed, learning_rate) for seed in self.seeds]


@dataclass(frozen=True)
class SweepResult:
    """The fit of every label count and seed, in the order of the grid; how many fits were done, and were found."""

    points: list[tuple[FitKey, ClassifierFit]]
    computed: int
    found: int


class FitQueue:
    """Which fit comes next: of those whose learning rate is known, the longest.

    Args:
        grid: the fits.
    """

    def __init__(self, grid: SweepGrid) -> None:
        self.grid = grid
        self.fits: dict[FitKey, ClassifierFit] = {}
        self._known: set[FitKey] = set()
        self._waiting: list[tuple[float, int, FitKey]] = []
        self._order = itertools.count()
        for count in grid.n_labels:
            self._add(grid.tuning(count))

    def __bool__(self) -> bool:
        """Tell whether a fit can be done now."""
        return bool(self._waiting)

    def next(self) -> FitKey:
        """Return a fit to be done now."""
        return heapq.heappop(self._waiting)[-1]

    def finish(self, key: FitKey, fit: ClassifierFit) -> None:
        """Take a finished fit; the last that tries a learning rate makes room for the other seeds."""
        self.fits[key] = fit
        best = self._best(key.n_labels)
        if best is not None:
            self._add(self.grid.points(key.n_labels, best))

    def points(self) -> list[tuple[FitKey, ClassifierFit]]:
        """Return the results of a finished sweep, in the order of the grid."""
        chosen = [(count, self._best(count)) for count in self.grid.n_labels]
        keys = [key for count, rate in chosen if rate is not None for key in self.grid.points(count, rate)]
        return [(key, self.fits[key]) for key in keys]

    def _best(self, n_labels: int) -> float | None:
        tried = self.grid.tuning(n_labels)
        if not all(key in self.fits for key in tried):
            return None
        return max(tried, key=lambda key: self.fits[key].valid_auc).learning_rate

    def _add(self, keys: list[FitKey]) -> None:
        for key in keys:
            if key not in self._known:
                self._known.add(key)
                heapq.heappush(self._waiting, (-self.grid.cost(key.n_labels), next(self._order), key))


def run_sweep(
    grid: SweepGrid, fit: Fit, store: FitStore, executor: Executor, workers: int, counter: Progress
) -> SweepResult:
    """Do every fit that is not in the store, and keep each as soon as it is finished.

    Args:
        grid: the fits.
        fit: does one fit, which may depend on nothing but its key and what the store's identity covers; it goes to
            the process of a worker.
        store: where finished fits are kept.
        executor: what runs the fits.
        workers: fits at a time.
        counter: told about every finished fit.

    Raises:
        TrainingError: a fit diverges from the start, or a worker is killed.
    """
    queue, computed = FitQueue(grid), 0
    running: dict[Future[ClassifierFit], FitKey] = {}
    try:
        while queue or running:
            while queue and len(running) < workers:
                key = queue.next()
                kept = store.load(key)
                if kept is None:
                    running[executor.submit(fit_and_keep, fit, store, key)] = key
                else:
                    _finish(queue, key, kept, counter)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                computed += 1
                _finish(queue, running.pop(future), future.result(), counter)
    except BrokenProcessPool as error:
        raise TrainingError(
            f"a worker of the sweep was killed from outside, mostly for want of memory; the {len(queue.fits)} of "
            f"{len(grid)} fits that are finished are kept in {store.folder}: run again with fewer cores or more memory."
        ) from error
    return SweepResult(queue.points(), computed, len(queue.fits) - computed)


def fit_and_keep(fit: Fit, store: FitStore, key: FitKey) -> ClassifierFit:
    """Do one fit and keep it, in whatever process this is."""
    done = fit(key)
    store.save(key, done)
    return done


def _finish(queue: FitQueue, key: FitKey, fit: ClassifierFit, counter: Progress) -> None:
    queue.finish(key, fit)
    logger.info("%s: valid AUC %.4f, test AUC %.4f", key, fit.valid_auc, fit.auc)
    counter.advance(1, valid_auc=fit.valid_auc)
