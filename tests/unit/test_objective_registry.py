"""The lazy map from names to objectives, and means over chosen entries."""

from typing import get_args

import pytest
import torch

from prehep.core.config.studies import EventObjective, TrackObjective
from prehep.core.errors import ConfigError
from prehep.objectives.base import Objective, mean_where, pad_places
from prehep.objectives.registry import OBJECTIVES, load_objective


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_entry_is_an_objective(name: str) -> None:
    objective = load_objective(name)
    assert issubclass(objective, Objective)
    assert not objective.__abstractmethods__
    assert objective.additive


def test_map_and_configuration_know_the_same_names() -> None:
    known = [get_args(kind.model_fields["name"].annotation) for kind in (EventObjective, TrackObjective)]
    assert sorted(OBJECTIVES) == sorted(sum(known, ()))


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="objective 'masked' does not exist; choose one of masked_type"):
        load_objective("masked")


def test_mean_where_known_values() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 10.0]], requires_grad=True)
    mean, count = mean_where(values, torch.tensor([[True, False], [True, False]]))
    assert (mean.item(), count.item()) == (2, 2)
    nothing, none = mean_where(values, torch.zeros(2, 2, dtype=torch.bool))
    assert (nothing.item(), none.item()) == (0, 0)
    nothing.backward()


def test_places_are_padded_with_zeros_and_entries_are_not() -> None:
    batch = {"a": torch.ones(2, 3), "b": torch.ones(2, 3, 4), "lengths": torch.tensor([3, 1])}
    padded = pad_places(batch, 5)
    assert padded["a"].tolist() == [[1, 1, 1, 0, 0]] * 2
    assert padded["b"].shape == (2, 5, 4)
    assert torch.equal(padded["b"][:, :3], batch["b"])
    assert not padded["b"][:, 3:].any()
    assert padded["lengths"].tolist() == [3, 1]
    with pytest.raises(ValueError, match="a has 3 places, more than 2"):
        pad_places(batch, 2)
