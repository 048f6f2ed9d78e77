"""Ragged arrays against a loop over entries and against awkward."""

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prehep.core.errors import FormatError
from prehep.tokens.ragged import RaggedArrays, left_aligned

NAMES = {"tokens": (np.int32, ()), "features": (np.float32, (3,)), "types": (np.int8, ())}


def make_part(lengths: list[int], seed: int = 0) -> RaggedArrays:
    """Return random entries of given lengths."""
    random = np.random.default_rng(seed)
    rows = sum(lengths)
    arrays = {name: random.integers(1, 100, (rows, *shape)).astype(kind) for name, (kind, shape) in NAMES.items()}
    return RaggedArrays(arrays, np.append(0, np.cumsum(lengths)).astype(np.int64))


def entries_of(parts: list[RaggedArrays], name: str) -> list[NDArray[np.generic]]:
    """Return the rows of every entry, one at a time."""
    found = []
    for ragged in parts:
        (part,) = ragged.parts
        found += [part.arrays[name][part.offsets[i] : part.offsets[i + 1]] for i in range(len(part.offsets) - 1)]
    return found


lengths_of_parts = st.lists(st.lists(st.integers(0, 6), max_size=8), min_size=1, max_size=4)


@st.composite
def choices(draw: st.DrawFn) -> tuple[list[RaggedArrays], NDArray[np.int64]]:
    """Return parts, some of them empty, and indices in any order, some of them repeated."""
    parts = [make_part(lengths, seed) for seed, lengths in enumerate(draw(lengths_of_parts))]
    entries = sum(len(part) for part in parts)
    indices = draw(st.lists(st.integers(0, entries - 1), max_size=20)) if entries else []
    return parts, np.array(indices, np.int64)


@settings(max_examples=150, deadline=None)
@given(choices())
def test_equals_a_loop_over_entries(chosen: tuple[list[RaggedArrays], NDArray[np.int64]]) -> None:
    parts, indices = chosen
    ragged = RaggedArrays.join(parts)
    padded, lengths = ragged.padded(indices)
    flat, same_lengths = ragged.gather(indices)
    assert lengths.dtype == np.int64
    assert lengths.tolist() == same_lengths.tolist() == ragged.lengths[indices].tolist()
    for name, (kind, shape) in NAMES.items():
        entries = entries_of(parts, name)
        expected = np.zeros((len(indices), lengths.max(initial=0), *shape), kind)
        for row, index in enumerate(indices):
            expected[row, : len(entries[index])] = entries[index]
        assert padded[name].dtype == flat[name].dtype == kind
        np.testing.assert_array_equal(padded[name], expected)
        np.testing.assert_array_equal(flat[name], expected[left_aligned(lengths)])
    assert len(ragged) == len(entries)
    assert ragged.longest == max((len(entry) for entry in entries), default=0)


@settings(max_examples=50, deadline=None)
@given(choices())
def test_equals_awkward(chosen: tuple[list[RaggedArrays], NDArray[np.int64]]) -> None:
    parts, indices = chosen
    padded, lengths = RaggedArrays.join(parts).padded(indices)
    lists = ak.concatenate([ak.unflatten(part.parts[0].arrays["tokens"], part.lengths) for part in parts])[indices]
    filled = ak.fill_none(ak.pad_none(lists, int(lengths.max(initial=0)), clip=True), 0)
    np.testing.assert_array_equal(padded["tokens"], ak.to_numpy(filled))


@given(choices())
def test_names_choose_arrays(chosen: tuple[list[RaggedArrays], NDArray[np.int64]]) -> None:
    parts, indices = chosen
    ragged = RaggedArrays.join(parts)
    some, _ = ragged.padded(indices, ("types",))
    assert list(some) == ["types"]
    np.testing.assert_array_equal(some["types"], ragged.padded(indices)[0]["types"])


def test_joining_joined_parts_keeps_the_order_and_copies_nothing() -> None:
    parts = [make_part([2, 0, 1], 1), make_part([], 2), make_part([4], 3)]
    nested = RaggedArrays.join([RaggedArrays.join(parts[:2]), parts[2]])
    assert len(nested.parts) == 3
    np.testing.assert_array_equal(nested.padded(np.array([3]))[0]["tokens"][0], parts[2].parts[0].arrays["tokens"])
    for part, kept in zip(parts, nested.parts, strict=True):
        assert all(kept.arrays[name] is values for name, values in part.parts[0].arrays.items())


@pytest.mark.parametrize("indices", [[-1], [0, 5], [2, -3]])
@pytest.mark.parametrize("parts", [1, 2])
def test_index_outside_is_an_error(indices: list[int], parts: int) -> None:
    lengths = [[1, 2, 3, 4, 5]] if parts == 1 else [[1, 2], [3, 4, 5]]
    ragged = RaggedArrays.join([make_part(part) for part in lengths])
    with pytest.raises(IndexError, match="there are 5 entries"):
        ragged.padded(np.array(indices))


def test_longest_is_found_in_any_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prehep.tokens.ragged.CHUNK_ENTRIES", 2)
    for place in range(5):
        lengths = [1] * 5
        lengths[place] = 7
        assert make_part(lengths).longest == 7


def test_offsets_that_do_not_fit_are_one_sentence() -> None:
    with pytest.raises(FormatError, match="tokens has 4 rows but the offsets end at 5; tokenise the data again"):
        RaggedArrays({"tokens": np.zeros(4, np.int32)}, np.array([0, 5]))
