"""The n-gram with back-off."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from track_examples import flat_tokens, straight_tracks

from prehep.evaluation.ngram import CONTEXTS, COUNT_EDGES, SHARE_EDGES, NGram, gaps
from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import CLS, FIRST_MODULE, MASK, PAD, SEP

Key = tuple[int, ...]


def noisy_tracks(tracks: int, seed: int) -> TrackData:
    """Return straight tracks in which one hit in six is somewhere else."""
    data = straight_tracks(tracks, seed)
    random = np.random.default_rng(seed)
    tokens, _ = flat_tokens(data)
    moved = random.random(len(tokens)) < 0.17
    tokens[moved] = random.integers(FIRST_MODULE, FIRST_MODULE + 30, moved.sum())
    return data


def slow_gaps(data: TrackData, indices: NDArray[np.int64]) -> list[tuple[list[int], int, int]]:
    """Return every track as a padded list with the position and token of every hit."""
    found = []
    tokens, offsets = flat_tokens(data)
    for index in indices:
        hits = tokens[offsets[index] : offsets[index + 1]].tolist()
        sequence = [PAD] * 3 + [CLS, *hits, SEP] + [PAD] * 3
        found += [(sequence, 4 + place, token) for place, token in enumerate(hits)]
    return found


def slow_counts(data: TrackData, train: NDArray[np.int64]) -> list[dict[Key, Counter[int]]]:
    """Count the modules of each context."""
    counts: list[dict[Key, Counter[int]]] = [defaultdict(Counter) for _ in CONTEXTS]
    for sequence, place, token in slow_gaps(data, train):
        for kind, places in enumerate(CONTEXTS):
            counts[kind][tuple(sequence[place + step] for step in places)][token] += 1
    return counts


def slow_guesses(
    counts: list[dict[Key, Counter[int]]], sequence: list[int], place: int
) -> Iterator[tuple[int, int, Key]]:
    """Yield the kind, the commonest module and the reliability cell of every context that was seen."""
    for kind, places in enumerate(CONTEXTS):
        if counter := counts[kind].get(tuple(sequence[place + step] for step in places)):
            token, best = min(counter.items(), key=lambda item: (-item[1], item[0]))
            share = best / counter.total()
            yield kind, token, (kind, int((counter.total() >= COUNT_EDGES).sum()), int((share >= SHARE_EDGES).sum()))


def slow_predictions(
    data: TrackData, train: NDArray[np.int64], valid: NDArray[np.int64], test: NDArray[np.int64]
) -> list[int]:
    """Do with dictionaries what NGram does with sorted arrays."""
    counts = slow_counts(data, train)
    trials: dict[Key, list[bool]] = defaultdict(list)
    for sequence, place, token in slow_gaps(data, valid):
        for _, guess, cell in slow_guesses(counts, sequence, place):
            trials[cell].append(guess == token)
    predictions = []
    for sequence, place, _ in slow_gaps(data, test):
        scored = [
            ((sum(trials[cell]) + 0.05) / (len(trials[cell]) + 1.0), -kind, guess)
            for kind, guess, cell in slow_guesses(counts, sequence, place)
        ]
        predictions.append(max(scored)[2])
    return predictions


def test_equals_dictionaries() -> None:
    data = noisy_tracks(300, seed=4)
    train, valid, test = np.arange(200), np.arange(200, 250), np.arange(250, 300)
    model = NGram().fit(data, train, valid)
    tokens = data.padded(test)
    row, place = np.nonzero(tokens >= FIRST_MODULE)
    assert model.predict(tokens[row], place).tolist() == slow_predictions(data, train, valid, test)


def test_knows_tracks_it_has_seen_and_does_not_look_at_the_gap() -> None:
    data = straight_tracks(3_000)
    model = NGram().fit(data, np.arange(2_500), np.arange(2_500, 2_700))
    tokens = data.padded(np.arange(2_700, 3_000))
    place = np.full(300, 3)
    predicted = model.predict(tokens, place)
    assert np.mean(predicted == tokens[:, 3]) > 0.95
    hidden = tokens.copy()
    hidden[:, 3] = MASK
    assert model.predict(hidden, place).tolist() == predicted.tolist()


def test_unseen_contexts_fall_back_to_the_commonest_module() -> None:
    data = straight_tracks(400)
    model = NGram().fit(data, np.arange(300), np.arange(300, 400))
    tokens, offsets = flat_tokens(data)
    trained = tokens[: offsets[300]]
    unseen = np.setdiff1d(np.arange(FIRST_MODULE, FIRST_MODULE + 480), trained)[0]
    stranger = np.array([[CLS, *[unseen] * 7, SEP]])
    commonest = np.bincount(trained).argmax()
    assert model.predict(stranger, np.array([4])).tolist() == [commonest]


def test_gaps_hold_every_hit_once() -> None:
    data = straight_tracks(50)
    neighbours, target = gaps(data, np.arange(50))
    assert target.tolist() == flat_tokens(data)[0].tolist()
    expected = [sequence[place - 3 : place + 4] for sequence, place, _ in slow_gaps(data, np.arange(50))]
    assert neighbours.tolist() == expected


@pytest.mark.parametrize("part", ["train", "valid"])
def test_nothing_to_learn_from_is_no_crash(part: str) -> None:
    data, none = straight_tracks(50), np.empty(0, np.int64)
    model = NGram().fit(data, none if part == "train" else np.arange(50), none)
    predicted = model.predict(data.padded(np.arange(5)), np.ones(5, np.int64))
    assert predicted.shape == (5,)
    assert (predicted == PAD).all() == (part == "train")
