"""Sweeps: the learning rate is chosen on validation with the first seed, finished fits are not repeated."""

from pathlib import Path

import pytest

from prehep.training.classification import ClassifierFit, CurvePoint
from prehep.training.sweep import FitKey, FitStore, run_sweep


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


def sweep(fits: Fits, folder: Path, identity: str = "me") -> list[tuple[FitKey, ClassifierFit]]:
    return list(run_sweep((64, 256), (1, 2, 3), (0.01, 0.1), fits, FitStore(folder, identity)))


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


def test_fits_of_another_run_or_damaged_ones_are_repeated(tmp_path: Path) -> None:
    sweep(Fits(), tmp_path, identity="other")
    again = Fits()
    sweep(again, tmp_path)
    assert len(again.done) == 8
    (tmp_path / FitKey(64, 1, 0.1).file_name).write_text("{")
    once = Fits()
    sweep(once, tmp_path)
    assert once.done == [FitKey(64, 1, 0.1)]
