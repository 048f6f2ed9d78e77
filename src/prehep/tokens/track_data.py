"""Tracks as batches of tokens: CLS, hits, SEP, PAD."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prehep.tokens.ragged import RaggedArrays, left_aligned
from prehep.tokens.track_vocabulary import CLS, PAD, SEP, TrackVocabulary

if TYPE_CHECKING:
    from torch import Tensor

# 8 hits, CLS and SEP: never less, so that a small training sample does not make a model that longer tracks do not fit
SHORTEST_LENGTH_MAX = 10


class TrackData:
    """Tracks of one or several samples with one vocabulary, read by index (the TokenData protocol).

    The arrays may be memory-mapped; a batch copies only its own hits, and joined samples are not copied. In memory is
    1 byte per track where samples are joined (`split`), and what `RaggedArrays` says.

    Attributes:
        hits: flat `tokens` (hits,) int32.
        info: vocabulary_size, length_max (with CLS and SEP), and for the geometry embedding `centres`
            (vocabulary_size × 3, mm) and `layers` (vocabulary_size, 0 = special token), JSON-ready.
        split: (tracks,) uint8, 0 training, 1 validation, 2 test.
    """

    def __init__(self, hits: RaggedArrays, split: NDArray[np.uint8], vocabulary: TrackVocabulary) -> None:
        self.hits, self.split, self.vocabulary = hits, split, vocabulary
        self.info: dict[str, Any] = {
            "vocabulary_size": len(vocabulary),
            "length_max": max(hits.longest + 2, SHORTEST_LENGTH_MAX),
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
        if len(parts) == 1:
            return parts[0]
        split = np.concatenate([part.split for part in parts])
        return cls(RaggedArrays.join([part.hits for part in parts]), split, parts[0].vocabulary)

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of hits of every track, (tracks,) int64, 8 bytes per track."""
        return self.hits.lengths

    @property
    def longest(self) -> int:
        """Return the places of the longest track, with CLS and SEP."""
        return self.hits.longest + 2

    def padded(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return tokens (tracks, longest + 2): CLS, the hits, SEP, and PAD up to the longest of these tracks."""
        return self._sequences(indices)[0]

    def batch(self, indices: NDArray[np.int64]) -> "dict[str, Tensor]":
        """Return `tokens` (batch, longest) int64 and `lengths` (batch,) int64, both with CLS and SEP."""
        import torch

        tokens, lengths = self._sequences(indices)
        return {"tokens": torch.from_numpy(tokens), "lengths": torch.from_numpy(lengths)}

    def _sequences(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found, hits = self.hits.gather(indices)
        is_hit = left_aligned(hits)
        tokens = np.full((len(hits), is_hit.shape[1] + 2), PAD, np.int64)
        tokens[:, 0] = CLS
        tokens[:, 1:-1][is_hit] = found["tokens"]
        tokens[np.arange(len(hits)), hits + 1] = SEP
        return tokens, hits + 2
