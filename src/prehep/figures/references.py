"""Published and measured values that stand beside ours, with where they come from.

Facts: `specs/papers.md` and `specs/science_probes.md` of the project. A value measured on another sample says so.
"""

from dataclasses import dataclass

PAPER_A = "Kishimoto et al., arXiv:2312.06909"
PAPER_B = "Huang et al., arXiv:2402.10239"
PAPER_A_LABELS = 4_096
"""Labelled events per class at which paper A's repository prints its AUCs (one trial)."""

POSITIONS = ("first", "middle", "last", "all")


@dataclass(frozen=True)
class PositionReference:
    """Exact module accuracy by masked position.

    Attributes:
        title: what it is, as the legend says it.
        short: the same for a table.
        values: accuracy for first, middle, last and all positions.
    """

    title: str
    short: str
    values: tuple[float, float, float, float]


PAPER_MASKED = PositionReference(
    "paper's notebook, real [MASK] input", "paper B's notebook, masked input", (0.96, 0.82, 0.62, 0.8035)
)
CEILING = {
    "gun": PositionReference(
        "helix posterior (about the ceiling), measured on another sample of gun tracks",
        "helix posterior, measured on another sample of gun tracks",
        (0.963, 0.880, 0.725, 0.856),
    ),
    "ttbar": PositionReference(
        "helix posterior (about the ceiling), measured on another sample of $t\\bar{t}$ tracks",
        "helix posterior, measured on another sample of ttbar tracks",
        (0.930, 0.865, 0.642, 0.812),
    ),
}
PAPER_VISIBLE = 0.998
"""Paper B's headline; its code leaves the probed token visible, so it asks for a copy."""
PAPER_WITHIN_20MM = 0.87
"""Paper B's model 14 with real masks, read off its plot."""


def ceiling_of(sample: str) -> PositionReference | None:
    """Return the helix-posterior ceiling for the kind of sample that a name says, if any."""
    return next((reference for kind, reference in CEILING.items() if kind in sample), None)
