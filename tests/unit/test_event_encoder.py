"""The encoder of events and the classifier on top: symmetry, padding, pooling."""

import pytest
import torch

from prehep.models.classifier import Classifier, masked_mean
from prehep.models.event_encoder import EventEncoder

MASK = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=torch.bool)


@pytest.fixture
def encoder() -> EventEncoder:
    torch.manual_seed(0)
    return EventEncoder(n_features=9, width=16, layers=2, heads=4, feedforward=32).eval()


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(3, 6, 9, generator=torch.Generator().manual_seed(1))


def test_output_shape_and_zero_padding(encoder: EventEncoder, features: torch.Tensor) -> None:
    out = encoder(features, MASK)
    assert out.shape == (3, 6, 16)
    assert (out[~MASK] == 0).all()
    assert (out[MASK] != 0).any()


def test_permuting_objects_permutes_vectors(encoder: EventEncoder, features: torch.Tensor) -> None:
    order = torch.tensor([4, 2, 0, 5, 3, 1])
    permuted = encoder(features[:, order], MASK[:, order])
    torch.testing.assert_close(permuted, encoder(features, MASK)[:, order], rtol=1e-5, atol=1e-5)


def test_classifier_ignores_order_and_padding(encoder: EventEncoder, features: torch.Tensor) -> None:
    classifier = Classifier(encoder, width=16).eval()
    order = torch.tensor([4, 2, 0, 5, 3, 1])
    scores = classifier(features, MASK)
    torch.testing.assert_close(classifier(features[:, order], MASK[:, order]), scores, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(classifier(features.masked_fill(~MASK[..., None], -99.0), MASK), scores)
    assert scores.shape == (3, 2)
    assert scores.isfinite().all()


def test_masked_mean_known_values() -> None:
    x = torch.tensor([[[1.0], [3.0], [100.0]], [[5.0], [6.0], [7.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert masked_mean(x, mask).tolist() == [[2.0], [0.0]]


def test_number_of_parameters_of_a_small_encoder() -> None:
    encoder = EventEncoder(n_features=9, width=64, layers=4, heads=4, feedforward=256)
    block = 4 * 64 * 64 + 4 * 64 + 2 * 64 * 256 + 256 + 64 + 4 * 64
    assert sum(value.numel() for value in encoder.parameters()) == 9 * 64 + 64 + 128 + 4 * block + 128
