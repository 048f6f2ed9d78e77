"""Batches by index, joined samples, and what the data say about themselves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from event_examples import MUONS, make_data

from prehep.core.errors import FormatError
from prehep.tokens.event_data import EventData


def test_batch_holds_the_rows_in_the_order_asked_for() -> None:
    data = make_data(50)
    batch = data.batch(np.array([7, 3, 7]))
    assert {name: values.dtype for name, values in batch.items()} == {
        "features": torch.float32,
        "types": torch.int64,
        "kinematics": torch.float32,
    }
    assert batch["features"].shape == (3, 6, 9)
    np.testing.assert_array_equal(batch["features"][0], data.features[7])
    np.testing.assert_array_equal(batch["kinematics"][1], data.kinematics[3])
    assert torch.equal(batch["types"][0], batch["types"][2])


def test_batch_of_mapped_files_is_a_copy(tmp_path: Path) -> None:
    data = make_data(20)
    for name in ("features", "types", "kinematics", "split"):
        np.save(tmp_path / f"{name}.npy", getattr(data, name))
    arrays = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("features", "types", "kinematics", "split")]
    mapped = EventData(*arrays, data.encoding)
    batch = mapped.batch(np.array([1, 2]))
    assert torch.equal(batch["features"], data.batch(np.array([1, 2]))["features"])
    batch["features"].zero_()
    np.testing.assert_array_equal(mapped.features, data.features)


def test_info_describes_columns_and_quantiles_of_the_training_split() -> None:
    data = make_data(3000)
    info = data.info
    assert info["n_features"] == 9
    assert info["columns"][5:] == ["type_lepton", "type_bjet", "type_light_jet", "type_met"]
    train = data.split == 0
    pt = data.kinematics[train][..., 0][data.types[train] > 0]
    quantiles = np.array(info["quantiles"]["pt"])
    np.testing.assert_allclose(quantiles[[0, 120, -1]], [pt.min(), np.median(pt), pt.max()], atol=1e-5)
    assert (np.diff(quantiles) >= 0).all()


def test_eta_quantiles_are_without_met() -> None:
    data = make_data(3000)
    data.kinematics[..., 1][(data.types > 0) & (data.types != 4)] += 10
    assert min(data.info["quantiles"]["eta"]) > 5


def test_quantiles_do_not_see_validation_and_test() -> None:
    data, other = make_data(300), make_data(300)
    other.kinematics[other.split > 0] += 1000
    assert data.info == other.info


def test_join_concatenates_samples_of_one_encoding() -> None:
    parts = [make_data(10, seed=1), make_data(20, seed=2)]
    joined = EventData.join(parts, ["one", "two"])
    assert len(joined) == 30
    np.testing.assert_array_equal(joined.batch(np.array([12]))["features"][0], parts[1].features[2])
    assert EventData.join(parts[:1], ["one"]) is parts[0]


def test_join_refuses_another_encoding() -> None:
    with pytest.raises(FormatError, match="two was tokenised with other features"):
        EventData.join([make_data(10), make_data(10, MUONS)], ["one", "two"])
