"""SIGTERM during a training is noted, and the handler from before is back after."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from test_training_loop import run, trainer, weights

from prehep.core.errors import StoppedError
from prehep.training.interruption import stop_request
from prehep.training.trainer import Trainer


class TerminatedError(Exception):
    """The handler outside of trainings."""


@pytest.fixture(autouse=True)
def handler() -> Iterator[object]:
    def outside(*_: object) -> None:
        raise TerminatedError

    before = signal.signal(signal.SIGTERM, outside)
    yield outside
    signal.signal(signal.SIGTERM, before)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_signals_are_noted_inside_only(handler: object) -> None:
    with stop_request() as request:
        assert not request.made
        terminate()
        terminate()
        assert request.made
    assert signal.getsignal(signal.SIGTERM) is handler
    with pytest.raises(TerminatedError):
        terminate()


def test_handler_is_back_after_an_error(handler: object) -> None:
    with pytest.raises(KeyError), stop_request():
        raise KeyError
    assert signal.getsignal(signal.SIGTERM) is handler


def test_other_threads_leave_the_handler_alone(handler: object) -> None:
    found: list[object] = []

    def inside() -> None:
        with stop_request():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found == [handler]


@pytest.mark.parametrize("stop_at", [0, 19, 20, 58])
def test_stopped_training_continues_in_the_same_bits(tmp_path: Path, monkeypatch, stop_at: int) -> None:
    whole = run(trainer(), tmp_path / "whole")
    step = Trainer.train_step

    def stopped(self: Trainer) -> None:
        step(self)
        if self.run.step == stop_at + 1:
            terminate()
            terminate()

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", stopped)
        with pytest.raises(StoppedError, match=f"stopped by SIGTERM at step {stop_at + 1} of 60; the state is saved"):
            run(trainer(), tmp_path / "stopped")
    resumed = run(trainer(), tmp_path / "stopped")
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.run == whole.run


def test_stopped_in_its_last_step_it_is_finished(tmp_path: Path, monkeypatch) -> None:
    step = Trainer.train_step

    def stopped(self: Trainer) -> None:
        step(self)
        if self.finished:
            terminate()

    monkeypatch.setattr(Trainer, "train_step", stopped)
    assert run(trainer(), tmp_path).finished


def test_the_code_tells_the_scheduler_to_try_again() -> None:
    assert StoppedError.exit_code == os.EX_TEMPFAIL
