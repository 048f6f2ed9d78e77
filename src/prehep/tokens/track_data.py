"""Tracks as batches of tokens: CLS, hits, SEP, PAD."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prehep.tokens.track_vocabulary import CLS, PAD, SEP, TrackVocabulary

if TYPE_CHECKING:
    from torch import Tensor

# 8 hits, CLS and SEP: never less, so that a small training sample does not make a model that longer tracks do not fit
SHORTEST_LENGTH_MAX = 10


class TrackData:
    """Tracks of one or several samples with one vocabulary, read by index (the TokenData protocol).

    Attributes:
        info: vocabulary_size, length_max (with CLS and SEP), and for the geometry embedding `centres`
            (vocabulary_size × 3, mm) and `layers` (vocabulary_size, 0 = special token), JSON-ready.
        split: (tracks,) uint8, 0 training, 1 validation, 2 test.
        lengths: (tracks,) int64 number of hits.
    """

    def __init__(
        self,
        tokens: NDArray[np.int32],
        offsets: NDArray[np.int64],
        split: NDArray[np.uint8],
        vocabulary: TrackVocabulary,
    ) -> None:
        self.tokens, self.offsets, self.split, self.vocabulary = tokens, offsets, split, vocabulary
        self.lengths = np.diff(offsets)
        self.info: dict[str, Any] = {
            "vocabulary_size": len(vocabulary),
            "length_max": max(int(self.lengths.max(initial=0)) + 2, SHORTEST_LENGTH_MAX),
            "centres": np.round(vocabulary.centres.astype(np.float64), 4).tolist(),
            "layers": vocabulary.layers.tolist(),
        }

    @classmethod
    def join(cls, parts: "Sequence[TrackData]", names: Sequence[str]) -> "TrackData":
        """Return the tracks of several samples as one.

        Args:
            parts: the samples.
            names: what an error calls them.

        Raises:
            FormatError: the samples do not have the same vocabulary.
        """
        for part, name in zip(parts, names, strict=True):
            parts[0].vocabulary.check_same(part.vocabulary, name)
        lengths = np.concatenate([part.lengths for part in parts])
        return cls(
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            np.concatenate([part.split for part in parts]),
            parts[0].vocabulary,
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def padded(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return tokens (tracks, longest + 2): CLS, the hits, SEP, and PAD up to the longest of these tracks."""
        lengths = self.lengths[indices]
        place = np.arange(int(lengths.max(initial=0)) + 1)
        is_hit = place < lengths[:, None]
        flat = np.where(is_hit, self.offsets[indices][:, None] + place, 0)
        body = np.where(is_hit, self.tokens[flat] if len(self.tokens) else PAD, PAD).astype(np.int64)
        body[np.arange(len(indices)), lengths] = SEP
        return np.concatenate([np.full((len(indices), 1), CLS, np.int64), body], axis=1)

    def batch(self, indices: NDArray[np.int64]) -> "dict[str, Tensor]":
        """Return `tokens` (batch, length) int64 and `lengths` (batch,) int64, the number of hits."""
        import torch

        lengths = torch.from_numpy(self.lengths[indices].astype(np.int64))
        return {"tokens": torch.from_numpy(self.padded(indices)), "lengths": lengths}
