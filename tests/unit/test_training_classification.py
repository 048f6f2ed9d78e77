"""Fitting a classifier: it learns, stops early, restores the best weights, survives divergence."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from training_examples import TinyClassifier

from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.errors import TrainingError
from prehep.tokens.labelled_sets import LabelledSplit
from prehep.training import classification
from prehep.training.classification import EventTensors, auc, fit_classifier

SPLIT = LabelledSplit(np.arange(100), np.arange(100, 200), np.arange(200, 400))


def events(separation: float = 1.5) -> EventTensors:
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 400)
    features = random.normal(size=(400, 2, 3)) + separation * labels[:, None, None]
    return EventTensors(
        torch.from_numpy(features.astype(np.float32)), torch.ones(400, 2, dtype=torch.bool), torch.from_numpy(labels)
    )


def settings(**changes: object) -> FinetuneSettings:
    return FinetuneSettings(**{"steps": 100, "batch_size": 32, "validation_interval": 10, **changes})


def classifier() -> TinyClassifier:
    torch.manual_seed(1)
    return TinyClassifier()


def test_separable_classes_are_learned() -> None:
    fit = fit_classifier(classifier(), events(), SPLIT, settings(learning_rates=(0.1,)), 0.1, seed=1)
    assert fit.auc > 0.95
    assert fit.valid_auc == max(point.valid_auc for point in fit.curve)
    assert fit.steps == next(point.step for point in fit.curve if point.valid_auc == fit.valid_auc)


def test_no_patience_runs_to_the_end_and_patience_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    falling = iter([0.9, *np.linspace(0.8, 0.5, 9), 0.7])
    monkeypatch.setattr(classification, "auc", lambda *_: next(falling))
    whole = fit_classifier(classifier(), events(), SPLIT, settings(patience=None), 0.1, seed=1)
    assert whole.curve[-1].step == 100
    falling = iter([0.9, 0.8, 0.7, 0.6, 0.5])
    stopped = fit_classifier(classifier(), events(), SPLIT, settings(patience=3), 0.1, seed=1)
    assert stopped.curve[-1].step == 40
    assert stopped.steps == 10


def test_best_weights_are_restored() -> None:
    model, data = classifier(), events(0.3)
    fit = fit_classifier(model, data, SPLIT, settings(patience=None), 0.3, seed=1)
    assert auc(model, data, SPLIT.valid) == fit.valid_auc
    assert auc(model, data, SPLIT.test) == fit.auc


def test_auc_equals_that_of_the_probabilities() -> None:
    model, data = classifier(), events(0.5)
    probabilities = model(data.features, data.mask).softmax(1)[:, 1].detach().numpy()
    expected = roc_auc_score(data.labels[SPLIT.test], probabilities[SPLIT.test])
    assert auc(model, data, SPLIT.test) == pytest.approx(expected, abs=1e-6)


def test_equal_seeds_give_equal_fits() -> None:
    fits = [fit_classifier(classifier(), events(), SPLIT, settings(), 0.1, seed=seed) for seed in (1, 1, 2)]
    assert fits[0] == fits[1]
    assert fits[0].curve != fits[2].curve


def test_labels_outside_the_training_set_are_never_learned() -> None:
    data = events()
    hidden = EventTensors(data.features, data.mask, data.labels.clone())
    hidden.labels[SPLIT.test] = 1 - hidden.labels[SPLIT.test]
    first = fit_classifier(classifier(), data, SPLIT, settings(), 0.1, seed=1)
    second = fit_classifier(classifier(), hidden, SPLIT, settings(), 0.1, seed=1)
    assert first.curve == second.curve
    assert first.auc == pytest.approx(1 - second.auc)


def test_divergence_keeps_the_best_or_names_the_learning_rate() -> None:
    data = events()
    data.features[SPLIT.train[0]] = torch.nan
    with pytest.raises(TrainingError, match=r"learning rate 0\.5"):
        fit_classifier(classifier(), data, SPLIT, settings(), 0.5, seed=1)
