"""Tables and trees on the terminal for the states of results."""

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Column, Table
from rich.tree import Tree

from prehep.core.digests import short
from prehep.core.manifest import REMEDY
from prehep.workflow.explanation import Explanation, FigureOrigin
from prehep.workflow.status import JobStatus, Reason, State

COLOURS = {State.FRESH: "green", State.STALE: "yellow", State.MISSING: "cyan", State.CORRUPT: "red"}
REASONS_MAX = 3
WIDTH_OF_FILES = 200
"""Characters in a line where no terminal tells how many there are."""


def console() -> Console:
    """Return what to print on: as wide as the terminal, or wide enough for a file or a pipe."""
    found = Console()
    return found if found.is_terminal else Console(width=WIDTH_OF_FILES)


def status_table(statuses: Iterable[JobStatus]) -> Table:
    """Return the table of `prehep status`: stage, run, state, reason."""
    table = Table(*(Column(name, overflow="fold") for name in ("stage", "run", "state", "reason")))
    for status in statuses:
        colour = COLOURS[status.state]
        table.add_row(
            status.job.rule, status.job.folder.name, f"[{colour}]{status.state}[/]", _shortened(status.reasons)
        )
    return table


def summary(statuses: Iterable[JobStatus]) -> str:
    """Return how many results are in each state, and what to do about damaged ones."""
    counts = Counter(status.state for status in statuses)
    remedy = f"; {REMEDY}" if counts[State.CORRUPT] else ""
    return ", ".join(f"{counts[state]} {state}" for state in State if counts[state]) + f"{remedy}."


def explanation_tree(explanation: Explanation) -> Tree:
    """Return the tree of `prehep why`: what changed in a result, then in its inputs."""
    status = explanation.status
    colour = COLOURS[status.state]
    tree = Tree(f"{status.job.folder.as_posix()} [{colour}]{status.state}[/]", highlight=False)
    if explanation.like is not None:
        tree.add(f"never made; the nearest is {explanation.like.as_posix()}", highlight=False)
    told = {upstream.status.job.folder.as_posix() for upstream in explanation.inputs}
    for reason in explanation.reasons:
        # what is told below, under the input itself
        if not any(folder in (reason.subject, *(reason.new or "").split('"')) for folder in told):
            tree.add(_escaped(reason), highlight=False)
    if status.state is State.MISSING and explanation.like is None and not told:
        tree.add("never made here, or deleted", highlight=False)
    for upstream in explanation.inputs:
        tree.children.append(explanation_tree(upstream))
    return tree


def stamp_tree(origin: FigureOrigin) -> Tree:
    """Return what a figure file says it was made from, and whether that is still what is there."""
    tree = Tree(f"{origin.path} was drawn by {origin.rule} from", highlight=False)
    for folder, digest in origin.stamp.inputs.items():
        present = origin.present[folder]
        state = "still so" if present == digest else f"now {short(present)}" if present else "not here now"
        tree.add(f"{folder} with content {short(digest)}: {state}", highlight=False)
    return tree


def _shortened(reasons: tuple[Reason, ...]) -> str:
    causes = [reason for reason in reasons if reason.kind != "input"] or list(reasons[:1])
    lines = [_escaped(reason) for reason in causes[:REASONS_MAX]]
    more = len(reasons) - len(lines)
    return "\n".join([*lines, *([f"and {more} more: prehep why"] if more > 0 else [])])


def _escaped(reason: Reason) -> str:
    return str(reason).replace("[", "\\[")
