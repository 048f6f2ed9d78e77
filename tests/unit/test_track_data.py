"""Tracks as batches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from track_examples import barrel_modules, flat_tokens, straight_tracks

from prehep.core.errors import FormatError
from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import CLS, PAD, SEP, build_vocabulary


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 49), min_size=1, max_size=12))
def test_batch_is_cls_hits_sep_padding(indices: list[int]) -> None:
    data = straight_tracks(50)
    tokens, offsets = flat_tokens(data)
    batch = data.batch(np.array(indices))
    longest = max(int(data.lengths[index]) for index in indices)
    assert batch["tokens"].shape == (len(indices), longest + 2)
    for row, index in zip(batch["tokens"].tolist(), indices, strict=True):
        hits = tokens[offsets[index] : offsets[index + 1]].tolist()
        assert row == [CLS, *hits, SEP] + [PAD] * (longest - len(hits))
    assert batch["lengths"].tolist() == (data.lengths[indices] + 2).tolist()
    assert batch["lengths"].tolist() == (batch["tokens"] != PAD).sum(1).tolist()
    assert {values.dtype for values in batch.values()} == {torch.int64}


def test_longest_batch_fits_the_model_even_where_training_tracks_are_short() -> None:
    assert straight_tracks(50, lengths=(4, 5)).info["length_max"] == 10
    assert straight_tracks(50).info["length_max"] == 10


def test_info_is_json_ready_and_holds_the_geometry() -> None:
    data = straight_tracks(10)
    assert data.info["vocabulary_size"] == len(data.vocabulary) == len(data.info["layers"])
    assert np.allclose(data.info["centres"], data.vocabulary.centres, atol=1e-3)
    assert isinstance(data.info["layers"][0], int)


def test_join_appends_tracks() -> None:
    first, second = straight_tracks(20, seed=1), straight_tracks(30, seed=2)
    joined = TrackData.join([first, second], ["first", "second"])
    assert len(joined) == 50
    assert joined.padded(np.arange(20, 50)).tolist() == second.padded(np.arange(30)).tolist()
    assert joined.split.tolist() == [*first.split, *second.split]
    assert joined.lengths.tolist() == [*first.lengths, *second.lengths]
    assert joined.info == first.info


def test_join_copies_no_hits() -> None:
    parts = [straight_tracks(20, seed=1), straight_tracks(30, seed=2)]
    joined = TrackData.join(parts, ["first", "second"])
    for part, kept in zip(parts, joined.hits.parts, strict=True):
        assert np.shares_memory(kept.arrays["tokens"], flat_tokens(part)[0])


def test_join_refuses_another_vocabulary() -> None:
    first, second = straight_tracks(20), straight_tracks(20)
    second.vocabulary = build_vocabulary(barrel_modules(), (8, 13))
    with pytest.raises(FormatError, match="second"):
        TrackData.join([first, second], ["first", "second"])
