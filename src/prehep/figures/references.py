"""Published and measured values that stand beside ours, with where they come from.

Of the papers, their abstracts and their authors' public code. A value measured on another sample says so.
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
        title: what it is.
        values: accuracy for first, middle, last and all positions.
        digits: how many decimals are known.
    """

    title: str
    values: tuple[float, float, float, float]
    digits: int = 3


PAPER_MASKED = PositionReference(
    "paper B's notebook, masked input, track A of model 14", (0.96, 0.82, 0.62, 0.80), digits=2
)
CEILING_TITLE = "helix posterior on another sample: about the ceiling, not a strict bound"
CEILING = {
    "gun": PositionReference("helix posterior, measured on another sample (gun)", (0.963, 0.880, 0.725, 0.856)),
    "ttbar": PositionReference(
        "helix posterior, measured on another sample (tt̄ with 200 pile-up)", (0.930, 0.865, 0.642, 0.812)
    ),
}
PAPER_VISIBLE = 0.998
"""Paper B's headline; its code leaves the probed token visible, so it asks for a copy."""
PAPER_MASKED_WITHIN = {0: 0.80, 20: 0.87, 100: 0.98}
"""Fraction within mm of the true module: paper B's model 14, track A, real masks; all but the first read off a plot."""
PAPER_VISIBLE_WITHIN = {0: PAPER_VISIBLE, 20: 1.0}
"""The same for paper B's headline."""


def ceiling_of(sample: str) -> PositionReference | None:
    """Return the helix-posterior ceiling for the kind of sample that a name says, if any."""
    return next((reference for kind, reference in CEILING.items() if kind in sample), None)
