"""Workers: long-lived, free of what they do not need, ended with the block that started them."""

import os
import signal
import sys
import time
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest

from prehep.training.workers import InlineExecutor, make_executor

PRELOAD = ("prehep.stages.finetune_points",)


def identity(_: int = 0) -> int:
    time.sleep(0.05)
    return os.getpid()


def imported(module: str) -> bool:
    return module in sys.modules


def handlers() -> list[bool]:
    return [signal.getsignal(number) is signal.SIG_IGN for number in (signal.SIGINT, signal.SIGTERM)]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    raise ValueError("no")


def gone(process: int) -> bool:
    try:
        psutil.Process(process).wait(timeout=30)
    except psutil.NoSuchProcess:
        return True
    return not psutil.pid_exists(process)


def test_one_worker_is_this_process_and_raises_at_once() -> None:
    with make_executor(1, PRELOAD) as executor:
        assert isinstance(executor, InlineExecutor)
        assert executor.submit(identity).result() == os.getpid()
        with pytest.raises(ValueError, match="no"):
            executor.submit(refuse)


def test_workers_live_long_and_end_with_the_block() -> None:
    with make_executor(2, PRELOAD) as executor:
        found = {future.result() for future in [executor.submit(identity, number) for number in range(12)]}
        assert len(found) == 2
        assert os.getpid() not in found
        assert executor.submit(handlers).result() == [True, True]
        with pytest.raises(ValueError, match="no"):
            executor.submit(refuse).result()
        assert executor.submit(identity).result() in found
    assert all(gone(process) for process in found)


def test_workers_have_torch_and_nothing_slow() -> None:
    with make_executor(2, PRELOAD) as executor:
        loaded = {name: executor.submit(imported, name).result() for name in ("torch", *PRELOAD)}
        slow = [
            name for name in ("lightning_fabric", "matplotlib", "uproot") if executor.submit(imported, name).result()
        ]
    assert all(loaded.values())
    assert not slow


def test_error_ends_workers_in_the_middle_of_their_work() -> None:
    with pytest.raises(KeyboardInterrupt), make_executor(2, PRELOAD) as executor:  # noqa: PT012
        found = {executor.submit(identity, number).result() for number in range(4)}
        waiting = [executor.submit(time.sleep, 600) for _ in range(4)]
        wait(waiting, timeout=0.1)
        raise KeyboardInterrupt
    assert all(gone(process) for process in found)


def test_killed_worker_breaks_the_futures() -> None:
    with pytest.raises(BrokenProcessPool), make_executor(2, PRELOAD) as executor:
        executor.submit(die).result()
