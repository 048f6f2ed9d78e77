"""The guard: what counts as trouble, and how a training goes on, or gives up, from its last good state."""

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_training_loop import interrupt_at, run, trainer, weights
from torch import Tensor
from training_examples import FragileData, TinyData

from prehep.core.errors import TrainingError
from prehep.training.guard import Guard
from prehep.training.trainer import ANCHOR_INTERVAL, Trainer

WINDOW = 20


def judge(guard: Guard, losses: list[float], step: int = 0) -> str | None:
    trouble = guard.judge(losses, [1.0] * len(losses), step)
    return trouble and trouble.what


@given(st.integers(0, 1_000), st.floats(0.5, 20.0), st.floats(0.0, 0.3))
def test_a_noisy_falling_loss_is_no_trouble(seed: int, first: float, noise: float) -> None:
    random = np.random.default_rng(seed)
    losses = first * (0.2 + 0.8 * np.exp(-np.arange(600) / 200)) * (1 + noise * random.normal(size=600))
    guard = Guard()
    assert all(judge(guard, losses[start : start + WINDOW].tolist()) is None for start in range(0, 600, WINDOW))


@given(st.integers(0, 1_000), st.floats(-50.0, 0.0), st.floats(0.1, 20.0))
def test_an_energy_that_crosses_zero_is_no_trouble(seed: int, last: float, noise: float) -> None:
    random = np.random.default_rng(seed)
    losses = np.linspace(0.5, last, 600) + noise * random.normal(size=600)
    guard = Guard(first=0.5, lowest=0.5, spread=noise)
    assert all(judge(guard, losses[start : start + WINDOW].tolist()) is None for start in range(0, 600, WINDOW))


@pytest.mark.parametrize(("risen", "trouble"), [(7.7, None), (7.9, "the training loss rose to 7.9 after 3")])
def test_a_loss_that_loses_most_of_what_it_gained_is_trouble(risen: float, trouble: str | None) -> None:
    guard = Guard()
    assert judge(guard, [9.0] * WINDOW) is None
    assert judge(guard, [3.0] * WINDOW) is None
    assert judge(guard, [risen] * WINDOW) == trouble


def test_a_loss_that_gained_no_more_than_its_noise_may_lose_it() -> None:
    random = np.random.default_rng(0)
    guard = Guard()
    for mean in (1.0, 0.97, 1.0, 1.01):
        assert judge(guard, (mean + 0.05 * random.normal(size=WINDOW)).tolist()) is None


def test_windows_have_their_length_however_often_losses_are_judged() -> None:
    whole, divided = Guard(), Guard()
    losses = np.random.default_rng(1).exponential(size=5 * WINDOW)
    for start in range(0, 5 * WINDOW, WINDOW):
        judge(whole, losses[start : start + WINDOW].tolist())
    for loss in losses:
        judge(divided, [float(loss)])
    assert divided.recent == whole.recent
    assert divided.lowest <= whole.lowest


def test_a_training_that_explodes_in_its_first_steps_is_trouble() -> None:
    assert "rose to" in str(judge(Guard(), [2.0**step for step in range(WINDOW)]))


def test_a_training_on_its_way_up_is_no_state_to_go_back_to() -> None:
    def after(loss: float) -> Guard:
        return Guard(first=9.0, lowest=3.0, recent=[loss] * WINDOW)

    assert after(4.1).is_good
    assert not after(4.3).is_good
    assert judge(after(4.3), []) is None
    assert not Guard(first=9.0).is_good


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_trouble_and_named(value: float) -> None:
    trouble = Guard().judge([1.0, 1.0, value], [1.0] * 3, 40)
    assert trouble is not None
    assert (trouble.step, trouble.what) == (42, f"the training loss is {value}")
    trouble = Guard().judge([1.0, 2.0], [1.0, value], 40)
    assert trouble is not None
    assert (trouble.step, trouble.loss, trouble.what) == (41, 2.0, f"the norm of the gradient is {value}")


def test_nothing_seen_is_no_trouble() -> None:
    assert Guard().judge([], [], 0) is None


def fragile(bad_step: int, times: int, **changes: Any) -> Trainer:
    data = FragileData(trainer().order(bad_step), times)
    return trainer(data, **{"steps": 2 * ANCHOR_INTERVAL + 60, **changes})


def test_one_bad_batch_costs_the_steps_since_the_anchor(tmp_path: Path) -> None:
    training = run(fragile(ANCHOR_INTERVAL + 7, times=1), tmp_path)
    (record,) = training.guard.records
    assert math.isnan(record.pop("loss"))
    assert record == {"step": ANCHOR_INTERVAL + 7, "back_to": ANCHOR_INTERVAL, "learning_rate_factor": 0.5}
    assert torch.isfinite(weights(training)).all()
    whole = run(trainer(steps=2 * ANCHOR_INTERVAL + 60), tmp_path / "whole")
    assert [row["step"] for row in training.run.history] == [row["step"] for row in whole.run.history]
    for row, usual in zip(training.run.history, whole.run.history, strict=True):
        if row["step"] <= ANCHOR_INTERVAL:
            assert row == usual
        else:
            assert row["learning_rate"] == usual["learning_rate"] / 2


@pytest.mark.parametrize("recoveries", [0, 2])
def test_it_gives_up_after_so_many_attempts_and_says_what_to_change(tmp_path: Path, recoveries: int) -> None:
    training = fragile(12, times=100, recoveries=recoveries)
    with pytest.raises(TrainingError, match=r"the training loss is nan at step 12.*lower learning_rate or gradient_cl"):
        run(training, tmp_path)
    assert len(training.guard.records) == recoveries


def test_a_training_that_collapses_to_chance_goes_back_to_what_it_had_learned(tmp_path: Path) -> None:
    """Learning rates that wreck the weights without an infinite loss, from step 250 on."""
    training = trainer(steps=400, learning_rate=0.01)
    usual, wrecking = training.stepper.schedule, 1_000.0

    class Wrecked:
        def __call__(self, step: int) -> float:
            return usual(step) * (wrecking if step >= 250 and training.guard.factor > 0.2 else 1.0)

    training.stepper.schedule = cast("Any", Wrecked())
    run(training, tmp_path)
    assert [record["back_to"] for record in training.guard.records] == [200, 200, 200]
    assert training.run.history[-1]["valid_loss"] < training.guard.lowest + training.guard.tolerance


DIVERGING = {
    "optimiser": "sgd",
    "learning_rate": 2.0,
    "gradient_clip": 1e9,
    "warmup_fraction": 0.0,
    "schedule": "constant",
    "steps": 120,
}


def test_a_training_that_diverges_learns_at_a_lower_rate(tmp_path: Path) -> None:
    before = trainer().validate(trainer().objective)["valid_loss"]
    with pytest.raises(TrainingError):
        run(trainer(**DIVERGING, recoveries=1), tmp_path / "impatient")
    training = run(trainer(**DIVERGING), tmp_path / "patient")
    assert [record["learning_rate_factor"] for record in training.guard.records] == [0.5, 0.25]
    assert training.run.history[-1]["learning_rate"] == 0.5
    assert training.run.history[-1]["valid_loss"] < 2 * before


@pytest.mark.parametrize("kill_at", [3, 20, 41, 110])
def test_killed_after_a_return_it_ends_in_the_same_bits(tmp_path: Path, monkeypatch: Any, kill_at: int) -> None:
    """Saves after every step, and is killed when a number of steps were done with the lowest rate."""
    whole = run(trainer(**DIVERGING), tmp_path / "whole")
    killed = trainer(**DIVERGING)
    with monkeypatch.context() as patch:
        interrupt_at(patch, lambda one: one.guard.factor == 0.25 and one.run.step == kill_at)
        with pytest.raises(KeyboardInterrupt):
            run(killed, tmp_path / "killed", state_seconds=0.0)
    resumed = run(trainer(**DIVERGING), tmp_path / "killed")
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.run.history == whole.run.history
    assert repr(resumed.guard) == repr(whole.guard)


def test_killed_before_the_return_it_returns_to_the_saved_anchor(tmp_path: Path, monkeypatch: Any) -> None:
    bad = 2 * ANCHOR_INTERVAL + 7
    whole = run(fragile(bad, times=1), tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_at(patch, lambda one: one.run.step == bad - 20)
        with pytest.raises(KeyboardInterrupt):
            run(fragile(bad, times=1), tmp_path / "killed", state_seconds=0.0)
    resumed = run(fragile(bad, times=1), tmp_path / "killed")
    assert resumed.guard.records[0]["back_to"] == 2 * ANCHOR_INTERVAL
    assert torch.equal(weights(resumed), weights(whole))


class BrokenValidation(TinyData):
    """Validation entries that are no numbers."""

    def batch(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return the entries, not a number for the last ones."""
        batch = super().batch(indices)
        batch["features"][torch.from_numpy(indices >= 160)] = math.nan
        return batch


def test_a_validation_loss_that_is_no_number_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the validation loss is nan at step 24"):
        run(trainer(BrokenValidation()), tmp_path)
