"""The evaluation of masked modules."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from track_examples import RINGS, STAVES, flat_tokens, straight_tracks

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings
from prehep.evaluation.masked_modules import (
    evaluate_masked_modules,
    model_predictor,
    module_distance,
    probe_positions,
)
from prehep.objectives.mdm import MaskedModules
from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import FIRST_MODULE, MASK, PAD

DATA = straight_tracks(120)
ALL = np.arange(len(DATA))
STEP = STAVES * RINGS


def copy(tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what is seen; where it is [MASK], the module at the same place in the next layer."""
    rows = np.arange(len(tokens))
    seen, left = tokens[rows, positions], tokens[rows, positions - 1]
    return np.where(seen == MASK, left + STEP, seen)


def slow_rows(data: TrackData, shown: str, position: str) -> tuple[dict[str, float], list[float]]:
    """Return what one row should say, track by track."""
    places = probe_positions(data.lengths, 1)[position]
    exact, distances = 0, []
    tokens, offsets = flat_tokens(data)
    for index in range(len(data)):
        hits = tokens[offsets[index] : offsets[index + 1]].tolist()
        place = int(places[index])
        true = hits[place - 1]
        left = 2 if place == 1 else hits[place - 2]
        guess = true if shown == "visible" else left + STEP
        exact += guess == true
        a, b = data.vocabulary.centres[true].astype(float), data.vocabulary.centres[guess].astype(float)
        distances.append(float(np.sqrt(((a - b) ** 2).sum())) if guess >= FIRST_MODULE else float("inf"))
    n = len(data)
    near = sum(distance <= 20 for distance in distances)
    return {"n": n, "exact_accuracy": exact / n, "within_20mm": near / n}, distances


@pytest.mark.parametrize("shown", ["masked", "visible"])
@pytest.mark.parametrize("position", ["first", "middle", "last"])
def test_equals_a_loop_over_tracks(shown: str, position: str) -> None:
    accuracy, distance = evaluate_masked_modules(copy, DATA, ALL, "barrel", "copier")
    row = accuracy.query("input == @shown and position == @position").iloc[0]
    expected, distances = slow_rows(DATA, shown, position)
    assert row[["sample", "model"]].tolist() == ["barrel", "copier"]
    assert row[list(expected)].astype(float).to_dict() == pytest.approx(expected)
    curve = distance.query("input == @shown and position == @position")
    assert curve["distance_mm"].tolist() == list(range(201))
    cumulative = [np.mean([value <= limit for value in distances]) for limit in range(201)]
    assert curve["cumulative"].tolist() == pytest.approx(cumulative)


def test_columns_and_all_is_the_mean_of_the_three() -> None:
    accuracy, distance = evaluate_masked_modules(copy, DATA, ALL, "barrel", "copier")
    labels = ["sample", "model", "input", "position"]
    assert accuracy.columns.tolist() == [*labels, "n", "exact_accuracy", "within_20mm"]
    assert distance.columns.tolist() == [*labels, "distance_mm", "cumulative"]
    for shown in ("masked", "visible"):
        rows = accuracy[accuracy["input"] == shown].set_index("position")
        parts = rows.loc[["first", "middle", "last"]]
        assert rows.loc["all", "n"] == parts["n"].sum()
        assert rows.loc["all", "exact_accuracy"] == pytest.approx(parts["exact_accuracy"].mean())
    assert (accuracy.loc[accuracy["input"] == "visible", "exact_accuracy"] == 1).all()


def test_only_the_asked_hit_is_hidden_and_the_data_are_not_changed() -> None:
    before = flat_tokens(DATA)[0].copy()

    def check(tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
        assert ((tokens == MASK).sum(1) == 1).all()
        assert (tokens[np.arange(len(tokens)), positions] == MASK).all()
        return np.full(len(tokens), PAD)

    accuracy, distance = evaluate_masked_modules(check, DATA, ALL, "barrel", "none", inputs=("masked",))
    assert (flat_tokens(DATA)[0] == before).all()
    assert not accuracy["within_20mm"].any()
    assert not distance["cumulative"].any()


def test_middle_is_neither_first_nor_last_and_repeats() -> None:
    lengths = np.repeat(np.arange(3, 9), 200)
    places = probe_positions(lengths, 1)
    assert (places["first"] == 1).all()
    assert (places["last"] == lengths).all()
    assert (places["middle"] > 1).all()
    assert (places["middle"] < lengths).all()
    assert set(places["middle"][lengths == 8]) == set(range(2, 8))
    assert places["middle"].tolist() == probe_positions(lengths, 1)["middle"].tolist()


def test_distance_to_no_module_is_infinite() -> None:
    centres = np.array([[0, 0, 0]] * 5 + [[3, 0, 0], [0, 4, 0]], np.float32)
    found = module_distance(centres, np.array([5, 5, 6]), np.array([6, 5, 2]))
    assert found.tolist() == [5.0, 0.0, np.inf]


def test_no_track_gives_empty_rows_and_no_crash() -> None:
    accuracy, _ = evaluate_masked_modules(copy, DATA, np.empty(0, np.int64), "none", "copier")
    assert not accuracy["n"].any()
    assert pd.isna(accuracy["exact_accuracy"]).all()


def test_model_predictor_asks_the_model() -> None:
    settings = ObjectiveSettings(name="mdm", embedding="geometry")
    task = MaskedModules.build(settings, ModelSettings(width=16, layers=1, heads=2, feedforward=32), DATA.info)
    predicted = model_predictor(task)(DATA.padded(np.arange(7)), np.arange(7) % 4 + 1)
    assert predicted.dtype == np.int64
    assert predicted.shape == (7,)
    assert (predicted >= FIRST_MODULE).all()
