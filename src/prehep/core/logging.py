"""Logging to a job's file and to the terminal, and progress that suits both."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

PLAIN_SECONDS = 10.0
logger = logging.getLogger("prehep")


def set_up_logging(log_file: Path | None, level: str = "INFO") -> None:
    """Send the package's log to a file, or to standard error where no file is named."""
    handler: logging.Handler
    if log_file is None:
        handler = logging.StreamHandler()
    else:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(log_file, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    for previous in root.handlers[:]:
        root.removeHandler(previous)
        previous.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logger.setLevel(level)


class Progress(Protocol):
    """A running count shown to the user."""

    def advance(self, steps: int = 1, **facts: float) -> None:
        """Add to the count and show the latest facts (a loss, an AUC)."""


class _PlainProgress:
    """Progress as log lines, at most one every ten seconds."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self.start = self.last = time.monotonic()

    def advance(self, steps: int = 1, **facts: float) -> None:
        """Count, and write a line where one is due."""
        self.done += steps
        now = time.monotonic()
        if now - self.last >= PLAIN_SECONDS or self.done == self.total:
            self.last = now
            shown = " ".join(f"{name} {value:.4g}" for name, value in facts.items())
            logger.info("%s %d/%d after %.0f s %s", self.title, self.done, self.total, now - self.start, shown)


class _BarProgress(_PlainProgress):
    """A rich bar on the terminal beside the plain lines in the log."""

    def __init__(self, title: str, total: int, update: "_Update") -> None:
        super().__init__(title, total)
        self.update = update

    def advance(self, steps: int = 1, **facts: float) -> None:
        super().advance(steps, **facts)
        self.update(steps, " ".join(f"{name} {value:.4g}" for name, value in facts.items()))


class _Update(Protocol):
    def __call__(self, steps: int, facts: str) -> None: ...


@contextmanager
def progress(title: str, total: int, *, bar: bool = True) -> Iterator[Progress]:
    """Yield a counter: a rich bar where standard error is a terminal, plain log lines everywhere.

    Args:
        title: what is counted.
        total: where the count ends.
        bar: whether a bar may be shown; of several processes on one terminal, one shows it.
    """
    if not (bar and sys.stderr.isatty()):
        yield _PlainProgress(title, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=total, facts="")
        yield _BarProgress(title, total, lambda steps, facts: shown.update(task, advance=steps, facts=facts))
