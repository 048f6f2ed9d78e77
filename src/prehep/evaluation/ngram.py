"""The baseline of the track study: an n-gram model with back-off that fills one gap in a sequence of modules."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import FIRST_MODULE, PAD

# Neighbours looked at, as places relative to the gap; (3 left, 3 right) sees the whole of most tracks
CONTEXTS: tuple[tuple[int, ...], ...] = (
    (-3, -2, -1, 1, 2, 3),
    (-2, -1, 1, 2),
    (-2, -1, 1),
    (-1, 1, 2),
    (-3, -2, -1, 1),
    (-1, 1, 2, 3),
    (-1, 1),
    (-2, -1),
    (1, 2),
    (-2, 1),
    (-1, 2),
    (-1,),
    (1,),
    (),
)
REACH = 3
COUNT_EDGES = np.array([2, 3, 5, 9, 17, 33])
SHARE_EDGES = np.array([0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97])
BATCH = 65_536


@dataclass(frozen=True)
class ContextTable:
    """What followed each context seen in training, sorted by the context's hash.

    Attributes:
        keys: (contexts,) uint64 hash of the neighbours.
        best: (contexts,) the commonest module in this context; the smallest token among equals.
        best_count: (contexts,) how often it occurred.
        total: (contexts,) how often the context occurred.
    """

    keys: NDArray[np.uint64]
    best: NDArray[np.int64]
    best_count: NDArray[np.int64]
    total: NDArray[np.int64]


class NGram:
    """Back-off by measured reliability.

    For each context the commonest module is known from counts in the training tracks. How reliable such a guess is,
    given the context's kind, how often it was seen and the share of its commonest module, is measured on the
    validation tracks. A gap is filled by the guess of the most reliable context: the longest one does not always win,
    which makes this a stronger baseline than a fixed order of back-off.
    """

    def __init__(self, contexts: tuple[tuple[int, ...], ...] = CONTEXTS) -> None:
        self.contexts = contexts
        self.tables: list[ContextTable] = []
        self.reliability: NDArray[np.float64] = np.zeros((len(contexts), _cells()))

    def fit(self, data: TrackData, train: NDArray[np.int64], valid: NDArray[np.int64]) -> "NGram":
        """Count on the tracks `train` (indices) and measure reliability on the tracks `valid`."""
        neighbours, target = gaps(data, train)
        self.tables = [count_contexts(hash_context(neighbours, places), target) for places in self.contexts]
        neighbours, target = gaps(data, valid)
        for kind, (places, table) in enumerate(zip(self.contexts, self.tables, strict=True)):
            guess, cell = look_up(table, hash_context(neighbours, places))
            # one imagined trial that is right with 5 %: a cell with few trials is not trusted
            right = np.bincount(cell, weights=guess == target, minlength=_cells())
            seen = np.bincount(cell, minlength=_cells())
            self.reliability[kind] = (right + 0.05) / (seen + 1.0)
        self.reliability[:, -1] = -1.0
        return self

    def predict(self, tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the predicted module (batch,) at one position of each track; the token there is not looked at.

        Args:
            tokens: (batch, length) with CLS, hits, SEP, PAD.
            positions: (batch,) index into the sequence.
        """
        neighbours = windows(tokens, np.arange(len(tokens)), positions)
        guesses = np.empty((len(self.contexts), len(tokens)), np.int64)
        scores = np.empty((len(self.contexts), len(tokens)))
        for kind, (places, table) in enumerate(zip(self.contexts, self.tables, strict=True)):
            guesses[kind], cell = look_up(table, hash_context(neighbours, places))
            scores[kind] = self.reliability[kind][cell]
        predicted: NDArray[np.int64] = guesses[scores.argmax(0), np.arange(len(tokens))]
        return predicted


def gaps(data: TrackData, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for every hit of these tracks, its neighbours (hits, 2 * REACH + 1) and its module (hits,)."""
    parts = []
    for start in range(0, len(indices), BATCH):
        tokens = data.padded(indices[start : start + BATCH])
        row, place = np.nonzero(tokens >= FIRST_MODULE)
        parts.append((windows(tokens, row, place), tokens[row, place]))
    if not parts:
        return np.empty((0, 2 * REACH + 1), np.int64), np.empty(0, np.int64)
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def windows(tokens: NDArray[np.int64], rows: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tokens from `REACH` before to `REACH` after each position, PAD outside, (rows, 2 * REACH + 1)."""
    padded = np.pad(tokens, ((0, 0), (REACH, REACH)), constant_values=PAD)
    window: NDArray[np.int64] = padded[rows[:, None], positions[:, None] + np.arange(2 * REACH + 1)]
    return window


def hash_context(neighbours: NDArray[np.int64], places: tuple[int, ...]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of the neighbours at some places (the mixing steps of SplitMix64)."""
    key = np.zeros(len(neighbours), np.uint64)
    for place in places:
        key = key * np.uint64(0x9E3779B97F4A7C15) + neighbours[:, REACH + place].astype(np.uint64) + np.uint64(1)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        key ^= key >> np.uint64(31)
    return key


def count_contexts(keys: NDArray[np.uint64], target: NDArray[np.int64]) -> ContextTable:
    """Count which module occurs how often in each context."""
    order = np.lexsort((target, keys))
    keys, target = keys[order], target[order]
    first = np.flatnonzero(_changes(keys) | _changes(target))
    count = np.diff(np.append(first, len(keys)))
    keys, target = keys[first], target[first]
    start = np.flatnonzero(_changes(keys))
    total = np.add.reduceat(count, start) if len(start) else count
    commonest = np.lexsort((target, -count, keys))[start]
    return ContextTable(keys[start], target[commonest], count[commonest], total)


def look_up(table: ContextTable, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the commonest module of each context, and the reliability cell that its counts belong to.

    A context that was never seen has module PAD and the last cell.
    """
    if not len(table.keys):
        return np.full(len(keys), PAD, np.int64), np.full(len(keys), _cells() - 1)
    index = np.minimum(np.searchsorted(table.keys, keys), len(table.keys) - 1)
    known = table.keys[index] == keys
    total, share = table.total[index], table.best_count[index] / table.total[index]
    cell = np.digitize(total, COUNT_EDGES) * (len(SHARE_EDGES) + 1) + np.digitize(share, SHARE_EDGES)
    return np.where(known, table.best[index], PAD), np.where(known, cell, _cells() - 1)


def _changes(values: NDArray[np.uint64] | NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where a sorted array differs from the element before; the first element counts as a change."""
    changes = np.ones(len(values), bool)
    changes[1:] = values[1:] != values[:-1]
    return changes


def _cells() -> int:
    return (len(COUNT_EDGES) + 1) * (len(SHARE_EDGES) + 1) + 1
