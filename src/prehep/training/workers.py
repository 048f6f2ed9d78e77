"""Processes for independent fits: each imports and loads once, does one fit after the other, and ends with its parent.

They are forked from a server that has imported everything and started no thread (`forkserver`), which is cheap, and
safe with CUDA, unlike forks of this process.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class InlineExecutor(Executor):
    """Does what it is given at once, in this process; errors are raised by `submit`."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Return a future that is done."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def make_executor(workers: int, preload: Sequence[str]) -> Iterator[Executor]:
    """Yield what runs functions in so many processes, or in this one for a single worker.

    However the block is left, no worker outlives it; after an error none finishes what it is doing. A worker that
    is killed makes the futures fail with `BrokenProcessPool`.

    Args:
        workers: processes.
        preload: modules that are imported once for all of them.
    """
    if workers == 1:
        yield InlineExecutor()
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    # Nothing is ever sent: the other end is told when this one is closed, also by a SIGKILL of this process.
    stop, held = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(stop,))
    try:
        yield executor
        executor.shutdown()
    finally:
        held.close()
        executor.shutdown(cancel_futures=True)
        stop.close()


def _start(stop: Connection) -> None:
    """Leave signals to the parent, which a terminal or a scheduler sends to all processes, and end when it does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_end_with_parent, args=(stop,), daemon=True).start()


def _end_with_parent(stop: Any) -> None:
    with suppress(EOFError, OSError):
        stop.recv_bytes()
    os._exit(1)
