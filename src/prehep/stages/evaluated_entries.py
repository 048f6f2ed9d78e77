"""The entries on which every model of a study is evaluated."""

import numpy as np
from numpy.typing import NDArray

from prehep.core.seeds import random_stream
from prehep.data.splits import TEST

ENTRIES_MAX = 10_000


def evaluated_entries(split: NDArray[np.uint8], *, whole: bool, most: int) -> NDArray[np.int64]:
    """Return the indices, in rising order, of the entries on which every model of a study is evaluated.

    Args:
        split: (entries,) 0 training, 1 validation, 2 test.
        whole: use all entries: of a sample that no model was trained on.
        most: at most so many, drawn at random but equal for every model.
    """
    candidates = np.arange(len(split)) if whole else np.flatnonzero(split == TEST)
    drawn = random_stream(0, "evaluated entries").permutation(candidates)[:most]
    return np.sort(drawn).astype(np.int64)
