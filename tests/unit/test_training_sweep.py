"""Sweeps: the learning rate is chosen on validation with the first seed, finished fits are not repeated."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prehep.core.errors import TrainingError
from prehep.training.classification import ClassifierFit, CurvePoint
from prehep.training.fit_store import FitKey, FitStore
from prehep.training.sweep import FitQueue, SweepGrid, SweepResult, run_sweep
from prehep.training.workers import InlineExecutor


class Fits:
    """Fits whose validation AUC prefers a learning rate of 0.1, and whose test AUC would prefer 0.01."""

    def __init__(self, fail_at: int = 10**9) -> None:
        self.done: list[FitKey] = []
        self.fail_at = fail_at

    def __call__(self, key: FitKey) -> ClassifierFit:
        """Return the fit and remember that it was asked for."""
        if len(self.done) == self.fail_at:
            raise KeyboardInterrupt
        self.done.append(key)
        good = key.learning_rate == 0.1
        curve = (CurvePoint(50, 0.7, 0.6),)
        return ClassifierFit(0.5 if good else 0.9, 0.8 if good else 0.6, 50, curve)


class Counter:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.done = 0

    def advance(self, steps: int = 1, **facts: float) -> None:
        """Count."""
        del facts
        self.done += steps


class LastFirst(Executor):
    """Waits a moment, and then does the last fit that it was given first."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.lock = threading.Lock()

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        """Return a future that is done some time."""
        future: Future[Any] = Future()
        with self.lock:
            self.waiting.append(lambda: future.set_result(fn(*args)))
        threading.Timer(0.001, self.work).start()
        return future

    def work(self) -> None:
        """Do the last fit."""
        with self.lock:
            self.waiting.pop()()


def grid(
    n_labels: Sequence[int] = (64, 256), seeds: Sequence[int] = (1, 2, 3), rates: Sequence[float] = (0.01, 0.1)
) -> SweepGrid:
    return SweepGrid(tuple(n_labels), tuple(seeds), tuple(rates), cost=lambda _: 1.0)


def run(fits: Fits, folder: Path, identity: str = "me", chosen: SweepGrid | None = None) -> SweepResult:
    return run_sweep(chosen or grid(), fits, FitStore(folder, identity), InlineExecutor(), 1, Counter())


def sweep(fits: Fits, folder: Path, identity: str = "me") -> list[tuple[FitKey, ClassifierFit]]:
    return run(fits, folder, identity).points


def test_learning_rate_is_chosen_on_validation_with_the_first_seed(tmp_path: Path) -> None:
    fits = Fits()
    points = sweep(fits, tmp_path)
    assert [key for key, _ in points] == [FitKey(n, seed, 0.1) for n in (64, 256) for seed in (1, 2, 3)]
    assert len(fits.done) == 2 * (2 + 2)
    assert all(fit.auc == 0.5 for _, fit in points)


@pytest.mark.parametrize("done", [0, 1, 3, 7])
def test_interrupted_sweep_repeats_nothing(tmp_path: Path, done: int) -> None:
    first = Fits(fail_at=done)
    with pytest.raises(KeyboardInterrupt):
        sweep(first, tmp_path)
    second = Fits()
    points = sweep(second, tmp_path)
    assert not set(first.done) & set(second.done)
    assert len(first.done) + len(second.done) == 8
    assert points == sweep(Fits(), tmp_path / "uninterrupted")


def test_grown_sweep_does_the_new_fits_only(tmp_path: Path) -> None:
    sweep(Fits(), tmp_path)
    fits, larger = Fits(), grid((16, 64, 256), (1, 2, 3, 4), (0.01, 0.1, 0.001))
    found = run(fits, tmp_path, chosen=larger)
    new_rate = [FitKey(count, 1, 0.001) for count in (64, 256)]
    new_seed = [FitKey(count, 4, 0.1) for count in (64, 256)]
    new_count = [FitKey(16, 1, rate) for rate in (0.01, 0.1, 0.001)] + [FitKey(16, seed, 0.1) for seed in (2, 3, 4)]
    assert set(fits.done) == {*new_rate, *new_seed, *new_count}
    assert (found.computed, found.found) == (len(fits.done), 8)
    again = run(Fits(fail_at=0), tmp_path, chosen=larger)
    assert again.points == found.points
    assert (again.computed, again.found) == (0, 18)


def test_every_count_tries_its_learning_rates_before_other_seeds_start(tmp_path: Path) -> None:
    fits = Fits()
    sweep(fits, tmp_path)
    assert fits.done[:4] == [FitKey(count, 1, rate) for count in (64, 256) for rate in (0.01, 0.1)]


def test_longest_fits_come_first() -> None:
    queue = FitQueue(SweepGrid((16, 64), (1, 2), (0.01, 0.1), cost=float))
    order = []
    while queue:
        order.append(queue.next())
        queue.finish(order[-1], Fits()(order[-1]))
    assert [key.n_labels for key in order] == [64, 64, 64, 16, 16, 16]


@given(
    hands=st.integers(1, 5),
    n_labels=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    seeds=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    rates=st.lists(st.sampled_from([0.001, 0.01, 0.1]), min_size=1, max_size=3),
)
def test_order_of_finishing_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    hands: int,
    n_labels: list[int],
    seeds: list[int],
    rates: list[float],
) -> None:
    chosen, counter, fits, one_by_one = grid(n_labels, seeds, rates), Counter(), Fits(), Fits()
    expected = run(one_by_one, tmp_path_factory.mktemp("one"), chosen=chosen)
    store = FitStore(tmp_path_factory.mktemp("many"), "me")
    result = run_sweep(chosen, fits, store, LastFirst(), hands, counter)
    assert result == expected
    assert sorted(map(str, fits.done)) == sorted(map(str, one_by_one.done))
    assert len(fits.done) == len(chosen) == counter.done == result.computed


def test_killed_worker_is_told_in_one_sentence(tmp_path: Path) -> None:
    class Broken(InlineExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            if args[-1].n_labels == 256:
                raise BrokenProcessPool
            return super().submit(fn, *args, **kwargs)

    with pytest.raises(TrainingError, match=r"the 2 of 8 fits that are finished are kept in .*run again with fewer"):
        run_sweep(grid(), Fits(), FitStore(tmp_path, "me"), Broken(), 1, Counter())
    assert len(list(tmp_path.iterdir())) == 2


def test_kept_fit_is_the_fit_to_the_last_bit(tmp_path: Path) -> None:
    fit = ClassifierFit(0.1 + 0.2, 2 / 3, 7, (CurvePoint(1, 1e-5 / 3, 5e-324), CurvePoint(2, 1e300 / 7, 1.0)))
    key = FitKey(64, 1, 1e-05)
    FitStore(tmp_path, "me").save(key, fit)
    assert [path.name for path in tmp_path.iterdir()] == ["fit-64-1-1e-05.json"]
    assert FitStore(tmp_path, "me").load(key) == fit


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    key, store = FitKey(64, 1, 0.1), FitStore(tmp_path, "me")
    store.save(key, Fits()(key))
    path = tmp_path / key.file_name
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in (1, 64, 128):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :])
            assert store.load(key) is None, (position, bit)
    path.write_bytes(whole)
    assert store.load(key) == Fits()(key)


def test_damaged_fit_or_that_of_another_key_or_identity_is_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sweep(Fits(), tmp_path, identity="other")
    again = Fits()
    sweep(again, tmp_path)
    assert len(again.done) == 8
    truncated, mistaken = (tmp_path / FitKey(64, seed, 0.1).file_name for seed in (1, 2))
    truncated.write_bytes(truncated.read_bytes()[:-9])
    mistaken.write_bytes((tmp_path / FitKey(64, 3, 0.1).file_name).read_bytes())
    caplog.clear()
    once = Fits()
    with caplog.at_level(logging.WARNING, logger="prehep"):
        sweep(once, tmp_path)
    assert once.done == [FitKey(64, 1, 0.1), FitKey(64, 2, 0.1)]
    assert [record.args for record in caplog.records] == [(truncated,), (mistaken,)]
    assert "the fit is repeated" in caplog.text
