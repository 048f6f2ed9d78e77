"""Evaluate one predictor of masked modules on several samples of tracks (shared by networks and the n-gram)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from prehep.core.logging import progress
from prehep.evaluation.masked_modules import Input, Predictor, evaluate_masked_modules
from prehep.stages.evaluated_entries import evaluated_entries
from prehep.stages.track_tokens import read_track_data
from prehep.tokens.track_vocabulary import TrackVocabulary


def evaluate_on_samples(
    predict: Predictor,
    vocabulary: TrackVocabulary,
    samples: Mapping[str, Path],
    *,
    model: str,
    whole: Sequence[str],
    entries_max: int,
    inputs: Sequence[Input] = ("masked", "visible"),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return accuracy and distance tables of one predictor over all samples.

    Args:
        predict: see `evaluate_masked_modules`.
        vocabulary: of the predictor; every sample must have the same.
        samples: name and folder of tokenize_tracks.
        model: name in the tables.
        whole: samples of which all tracks are used instead of the test split.
        entries_max: tracks per sample at most.
        inputs: what is shown at the probed position.

    Raises:
        FormatError: a sample has another vocabulary.
    """
    accuracies, distances = [], []
    with progress(f"evaluate {model}", len(samples)) as counter:
        for name, folder in samples.items():
            data = read_track_data(folder)
            vocabulary.check_same(data.vocabulary, folder.as_posix())
            indices = evaluated_entries(data.split, whole=name in whole, most=entries_max)
            accuracy, distance = evaluate_masked_modules(predict, data, indices, name, model, inputs)
            accuracies.append(accuracy)
            distances.append(distance)
            counter.advance(exact=float(accuracy["exact_accuracy"].iloc[0]))
    return pd.concat(accuracies, ignore_index=True), pd.concat(distances, ignore_index=True)
