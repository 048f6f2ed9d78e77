"""Sweeps: the learning rate is chosen on validation with the first seed, finished fits are not repeated."""

import logging
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


def test_grown_sweep_does_the_new_fits_only(tmp_path: Path) -> None:
    sweep(Fits(), tmp_path)
    fits, store = Fits(), FitStore(tmp_path, "me")
    points = list(run_sweep((16, 64, 256), (1, 2, 3, 4), (0.01, 0.1, 0.001), fits, store))
    new_rate = [FitKey(count, 1, 0.001) for count in (64, 256)]
    new_seed = [FitKey(count, 4, 0.1) for count in (64, 256)]
    new_count = [FitKey(16, 1, rate) for rate in (0.01, 0.1, 0.001)] + [FitKey(16, seed, 0.1) for seed in (2, 3, 4)]
    assert set(fits.done) == {*new_rate, *new_seed, *new_count}
    assert (store.computed, store.found) == (len(fits.done), 8)
    again = FitStore(tmp_path, "me")
    assert list(run_sweep((16, 64, 256), (1, 2, 3, 4), (0.01, 0.1, 0.001), Fits(fail_at=0), again)) == points
    assert (again.computed, again.found) == (0, 18)


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
