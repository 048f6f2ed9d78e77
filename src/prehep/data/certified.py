"""Lists of validated luminosity sections, as CMS publishes them: `{"273150": [[64, 75]], …}`."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prehep.core.errors import FormatError


class CertifiedRuns:
    """Ranges of validated luminosity sections (first and last included), ready for whole arrays."""

    def __init__(self, ranges: dict[int, list[tuple[int, int]]]) -> None:
        rows = sorted((run, first, last) for run, pairs in ranges.items() for first, last in pairs)
        table = np.array(rows, np.int64).reshape(-1, 3)
        self.first = _key(table[:, 0], table[:, 1])
        self.last = _key(table[:, 0], table[:, 2])

    def contains(self, run: NDArray[np.int64], lumi: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each event, given run and luminosity section of shape (events,), whether it is validated."""
        if not self.first.size:
            return np.zeros(run.shape, bool)
        key = _key(run, lumi)
        index = np.searchsorted(self.first, key, side="right") - 1
        return np.asarray((index >= 0) & (key <= self.last[np.maximum(index, 0)]), bool)


def read_certified_runs(path: Path) -> CertifiedRuns:
    """Read a list of validated runs.

    Raises:
        FormatError: the file is not such a list.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        ranges = {int(run): [(int(first), int(last)) for first, last in pairs] for run, pairs in content.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatError(
            f'{path} is no list of validated runs ({error}); expected {{"run": [[first, last]]}}.'
        ) from error
    return CertifiedRuns(ranges)


def _key(run: NDArray[np.int64], lumi: NDArray[np.int64]) -> NDArray[np.int64]:
    return (np.asarray(run, np.int64) << 32) + np.asarray(lumi, np.int64)
