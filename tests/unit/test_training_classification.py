"""Fitting a classifier: it learns under every policy, stops early, restores the best weights, survives divergence."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from training_examples import TinyEncoder

from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.errors import TrainingError
from prehep.models.classifier import Classifier
from prehep.tokens.event_features import Scaling
from prehep.tokens.event_symmetries import EventSymmetries
from prehep.tokens.labelled_sets import LabelledSplit
from prehep.training import classification
from prehep.training.classification import ClassifierTrainer, auc, fit_classifier
from prehep.training.event_vectors import EventTensors, EventVectors

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


def classifier() -> Classifier:
    torch.manual_seed(1)
    return Classifier(TinyEncoder(8), 8)


def weights(model: Classifier) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_separable_classes_are_learned() -> None:
    fit = fit_classifier(classifier(), events(), SPLIT, settings(learning_rates=(0.1,)), 0.1, seed=1)
    assert fit.auc > 0.95
    assert fit.valid_auc == max(point.valid_auc for point in fit.curve)
    assert fit.steps == next(point.step for point in fit.curve if point.valid_auc == fit.valid_auc)


@pytest.mark.parametrize("mixup", [0.0, 0.4])
@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("policy", ["full", "layer_decay", "linear_probe"])
def test_every_policy_learns(policy: str, clip: float | None, mixup: float) -> None:
    changes: dict[str, Any] = {"policy": policy, "gradient_clip": clip, "mixup": mixup}
    fit = fit_classifier(classifier(), events(), SPLIT, settings(**changes), 0.05, seed=1)
    assert fit.auc > 0.9


def test_linear_probe_leaves_the_encoder_and_full_does_not() -> None:
    for policy, same in (("linear_probe", True), ("full", False)):
        model = classifier()
        before = weights(model)
        fit_classifier(model, events(), SPLIT, settings(policy=policy, keep="last"), 0.1, seed=1)
        after = weights(model)
        assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("encoder")) == same
        assert not torch.equal(before["head.weight"], after["head.weight"])


def test_linear_probe_runs_the_encoder_once_and_without_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    model, read = classifier(), []
    pool = model.pool
    monkeypatch.setattr(
        model,
        "pool",
        lambda features, mask: read.append((len(features), model.encoder.training)) or pool(features, mask),
    )
    fit_classifier(model, events(), SPLIT, settings(policy="linear_probe"), 0.1, seed=1)
    assert read == [(400, False)]


def test_linear_probe_with_symmetries_trains_on_turned_events() -> None:
    turned = EventSymmetries(["eta", "sin_phi", "cos_phi"], Scaling(mean=(0.0,) * 3, std=(1.0,) * 3))
    plain = events()
    data = EventTensors(plain.features, plain.mask, plain.labels, turned)
    trainer = ClassifierTrainer(classifier(), data, SPLIT, settings(policy="linear_probe"), 0.1, seed=1)
    first, second = (trainer.vectors.training(SPLIT.train, seed) for seed in (1, 2))
    assert not torch.equal(first, second)
    assert not first.requires_grad
    evaluated = torch.cat(trainer.vectors.evaluated(SPLIT.train))
    assert torch.equal(evaluated, torch.cat(EventVectors(trainer.classifier, plain).evaluated(SPLIT.train)))


def test_kept_vectors_are_those_of_the_encoder() -> None:
    model, data = classifier().eval(), events()
    indices = np.array([301, 7, 7, 150])
    kept = EventVectors(model, data, frozen=(SPLIT.train, SPLIT.valid, SPLIT.test))
    expected = model.pool(data.features[indices], data.mask[indices])
    torch.testing.assert_close(kept.training(indices, 1), expected)
    torch.testing.assert_close(torch.cat(kept.evaluated(indices)), expected)


def test_layer_decay_of_one_is_full() -> None:
    chosen = (settings(policy="layer_decay", layer_decay=1.0), settings(), settings(policy="layer_decay"))
    fits = [fit_classifier(classifier(), events(), SPLIT, one, 0.1, seed=1) for one in chosen]
    assert fits[0] == fits[1]
    assert fits[0].curve != fits[2].curve


def test_layer_decay_slows_the_first_layer_most() -> None:
    """The first step of AdamW without decay moves every parameter by its learning rate."""
    model = classifier()
    before = weights(model)
    chosen = settings(policy="layer_decay", layer_decay=0.5, weight_decay=0.0, steps=1)
    fit_classifier(model, events(), SPLIT, chosen, 1e-3, seed=1)
    moved = {name: float((value - before[name]).abs().max()) for name, value in weights(model).items()}
    expected = {"encoder.first": 0.25e-3, "encoder.blocks.0": 0.5e-3, "head": 1e-3}
    for name, distance in moved.items():
        assert distance == pytest.approx(expected[name.rpartition(".")[0]], rel=0.05), name


def test_gradient_clip_limits_the_step_of_plain_descent() -> None:
    model = classifier()
    before = weights(model)
    chosen = settings(optimiser="sgd", weight_decay=0.0, gradient_clip=1e-3, steps=1)
    fit_classifier(model, events(), SPLIT, chosen, 1.0, seed=1)
    squares = [(value - before[name]).square().sum() for name, value in weights(model).items()]
    assert float(torch.stack(squares).sum().sqrt()) == pytest.approx(1e-3, rel=1e-3)


def test_mixup_changes_the_training_and_is_repeatable() -> None:
    fits = [fit_classifier(classifier(), events(), SPLIT, settings(mixup=mixup), 0.1, seed=1) for mixup in (0, 1, 1)]
    assert fits[0] == fit_classifier(classifier(), events(), SPLIT, settings(), 0.1, seed=1)
    assert fits[0].curve != fits[1].curve
    assert fits[1] == fits[2]


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
    vectors = EventVectors(model, data)
    assert auc(model, vectors, SPLIT.valid) == fit.valid_auc
    assert auc(model, vectors, SPLIT.test) == fit.auc


def test_auc_equals_that_of_the_probabilities() -> None:
    model, data = classifier().eval(), events(0.5)
    probabilities = model(data.features, data.mask).softmax(1)[:, 1].detach().numpy()
    expected = roc_auc_score(data.labels[SPLIT.test], probabilities[SPLIT.test])
    assert auc(model, EventVectors(model, data), SPLIT.test) == pytest.approx(expected, abs=1e-6)


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
