"""Errors of accuracies that were measured by asking for several hits of each track."""

import pandas as pd

PROBES_PER_TRACK = {"all": 3}
"""First, middle and last hit; any other position is asked once."""


def accuracy_error(fraction: pd.Series, n: pd.Series, position: pd.Series) -> pd.Series:
    """Return the binomial error of a fraction of probed hits, counting tracks and not probes.

    Position "all" asks for several hits of each track. These are not independent; counted as one, the error is too
    large rather than too small.

    Args:
        fraction: of predictions that are right.
        n: number of predictions.
        position: "all" or one of the others.
    """
    tracks = n / position.map(PROBES_PER_TRACK).fillna(1)
    return (fraction * (1 - fraction) / tracks.clip(lower=1)) ** 0.5
