"""Batches by index, joined samples, and what the data say about themselves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from event_examples import MUONS, dense_of, make_data
from hypothesis import given, settings
from hypothesis import strategies as st

from prehep.core.errors import FormatError
from prehep.tokens.event_data import EventData
from prehep.tokens.ragged import RaggedArrays

ARRAYS = ("features", "types", "kinematics")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 49), min_size=1, max_size=12))
def test_batch_is_the_objects_of_each_event_then_padding(indices: list[int]) -> None:
    data = make_data(50)
    batch = data.batch(np.array(indices))
    rows = {name: dense_of(data, name) for name in ARRAYS}
    for row, index in enumerate(indices):
        real = rows["types"][index] > 0
        length = int(real.sum())
        assert batch["lengths"][row] == length
        for name in ARRAYS:
            np.testing.assert_array_equal(batch[name][row, :length], rows[name][index][real])
            assert not batch[name][row, length:].any()
    assert batch["types"].shape == (len(indices), int(batch["lengths"].max()))


def test_tensors_have_the_types_that_objectives_expect() -> None:
    batch = make_data(50).batch(np.array([7, 3, 7]))
    assert {name: values.dtype for name, values in batch.items()} == {
        "features": torch.float32,
        "types": torch.int64,
        "kinematics": torch.float32,
        "lengths": torch.int64,
    }
    assert batch["features"].shape[2] == 9
    assert batch["kinematics"].shape[2] == 5


def test_batch_of_mapped_files_is_a_copy(tmp_path: Path) -> None:
    data = make_data(20)
    (part,) = data.objects.parts
    for name, values in part.arrays.items():
        np.save(tmp_path / f"{name}.npy", values)
    arrays = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in part.arrays}
    mapped = EventData(RaggedArrays(arrays, part.offsets), data.split, data.encoding)
    batch = mapped.batch(np.array([1, 2]))
    assert torch.equal(batch["features"], data.batch(np.array([1, 2]))["features"])
    batch["features"].zero_()
    np.testing.assert_array_equal(dense_of(mapped, "features"), dense_of(data, "features"))


def test_some_dense_events_are_rows_of_all() -> None:
    data = make_data(30)
    for name in ARRAYS:
        np.testing.assert_array_equal(dense_of(data, name, np.array([4, 2, 4])), dense_of(data, name)[[4, 2, 4]])


def test_info_describes_columns_and_quantiles_of_the_training_split() -> None:
    data = make_data(3000)
    info = data.info
    assert info["n_features"] == 9
    assert info["columns"][5:] == ["type_lepton", "type_bjet", "type_light_jet", "type_met"]
    train = data.split == 0
    pt = dense_of(data, "kinematics")[train][..., 0][dense_of(data, "types")[train] > 0]
    quantiles = np.array(info["quantiles"]["pt"])
    np.testing.assert_allclose(quantiles[[0, 120, -1]], [pt.min(), np.median(pt), pt.max()], atol=1e-5)
    assert (np.diff(quantiles) >= 0).all()


def test_eta_quantiles_are_without_met() -> None:
    data = make_data(3000)
    objects = data.objects.parts[0].arrays
    objects["kinematics"][objects["types"] != 4, 1] += 10
    assert min(data.info["quantiles"]["eta"]) > 5


def test_quantiles_do_not_see_validation_and_test() -> None:
    data, other = make_data(300), make_data(300)
    unseen = np.repeat(other.split > 0, other.objects.lengths)
    other.objects.parts[0].arrays["kinematics"][unseen] += 1000
    assert data.info == other.info


def test_quantiles_are_of_the_first_training_events(monkeypatch: pytest.MonkeyPatch) -> None:
    data, other = make_data(300), make_data(300)
    monkeypatch.setattr("prehep.tokens.event_data.QUANTILE_OBJECTS", 6 * 50)
    train = np.flatnonzero(data.split == 0)
    later = np.repeat(np.arange(300) > train[49], other.objects.lengths)
    other.objects.parts[0].arrays["kinematics"][later] += 1000
    assert data.info == other.info


def test_join_appends_samples_of_one_encoding() -> None:
    parts = [make_data(10, seed=1), make_data(20, seed=2)]
    joined = EventData.join(parts, ["one", "two"])
    assert len(joined) == 30
    assert joined.split.tolist() == [*parts[0].split, *parts[1].split]
    for name in ARRAYS:
        np.testing.assert_array_equal(dense_of(joined, name), np.concatenate([dense_of(part, name) for part in parts]))
    assert EventData.join(parts[:1], ["one"]) is parts[0]


def test_join_copies_no_objects() -> None:
    parts = [make_data(10, seed=1), make_data(20, seed=2)]
    for part, kept in zip(parts, EventData.join(parts, ["one", "two"]).objects.parts, strict=True):
        for name, values in part.objects.parts[0].arrays.items():
            assert np.shares_memory(kept.arrays[name], values)


def test_join_refuses_another_encoding() -> None:
    with pytest.raises(FormatError, match="two was tokenised with other features"):
        EventData.join([make_data(10), make_data(10, MUONS)], ["one", "two"])
