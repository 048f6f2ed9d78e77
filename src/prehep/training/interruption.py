"""The scheduler's SIGTERM during a training: noted at once, obeyed after the step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self.made = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Note a signal."""
        self.made = True


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Yield what notes SIGTERM inside, also a second one; the handler before is back after.

    Only the main thread may handle signals; in others the request is never made.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = signal.signal(signal.SIGTERM, request)
    try:
        yield request
    finally:
        # None stands for a handler that was not installed from Python
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
