"""The encoder of tracks and its geometry embedding."""

import numpy as np
import pytest
import torch
from track_examples import RINGS, STAVES, straight_tracks

from prehep.models.track_encoder import GeometryEmbedding, TrackEncoder, azimuth_harmonics, fourier_features
from prehep.models.transformer import Transformer
from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import FIRST_MODULE, MASK, PAD

DATA = straight_tracks(200)


def make_encoder(*, geometry: bool, data: TrackData = DATA, width: int = 16, norm: str = "pre") -> TrackEncoder:
    torch.manual_seed(3)
    centres, layers = torch.tensor(data.info["centres"]), torch.tensor(data.info["layers"])
    place = GeometryEmbedding(centres, layers, width) if geometry else None
    size = data.info["vocabulary_size"]
    return TrackEncoder(size, 10, Transformer(width, layers=2, heads=2, feedforward=32, norm=norm), place).eval()


def turned(tokens: torch.Tensor, staves: int) -> torch.Tensor:
    """Return the tokens of the same track, turned by some staves around the beam."""
    layer, rest = (tokens - FIRST_MODULE) // (STAVES * RINGS), (tokens - FIRST_MODULE) % (STAVES * RINGS)
    stave, ring = (rest // RINGS + staves) % STAVES, rest % RINGS
    moved = FIRST_MODULE + (layer * STAVES + stave) * RINGS + ring
    return torch.where(tokens >= FIRST_MODULE, moved, tokens)


@pytest.mark.parametrize("geometry", [False, True])
def test_padding_changes_nothing_and_gives_zero(*, geometry: bool) -> None:
    encoder = make_encoder(geometry=geometry)
    tokens = DATA.batch(np.flatnonzero(DATA.lengths == 4)[:3])["tokens"]
    longer = torch.nn.functional.pad(tokens, (0, 4), value=PAD)
    out = encoder(longer)
    assert out.shape == (3, 10, 16)
    assert torch.allclose(out[:, :6], encoder(tokens), atol=1e-5)
    assert not out[:, 6:].any()


def test_post_norm_normalises_the_embeddings_and_has_no_last_norm() -> None:
    encoder = make_encoder(geometry=False, norm="post")
    assert isinstance(encoder.transformer.norm, torch.nn.Identity)
    torch.nn.init.normal_(encoder.embedding_norm.weight)
    tokens = DATA.batch(np.arange(20))["tokens"]
    mask = tokens != PAD
    places = torch.arange(tokens.shape[1])
    x = encoder.tokens(tokens) + encoder.positions(places) + encoder.lengths(mask.sum(1))[:, None]
    expected = encoder.transformer(encoder.embedding_norm(x), mask)
    torch.testing.assert_close(encoder(tokens), expected)
    assert not torch.allclose(encoder.transformer(x, mask), expected)


def test_special_tokens_have_no_geometry_and_neighbours_are_alike() -> None:
    encoder = make_encoder(geometry=True)
    assert encoder.geometry is not None
    embedding = encoder.geometry()
    assert not embedding[:FIRST_MODULE].any()
    assert torch.equal(encoder.table(), encoder.tokens.weight + embedding)
    near = torch.cosine_similarity(embedding[FIRST_MODULE], embedding[FIRST_MODULE + 1], dim=0)
    far = torch.cosine_similarity(embedding[FIRST_MODULE], embedding[-1], dim=0)
    assert near > far


def test_turned_track_looks_the_same_in_its_own_frame() -> None:
    encoder = make_encoder(geometry=True)
    torch.nn.init.zeros_(encoder.tokens.weight[FIRST_MODULE:])
    tokens = DATA.batch(np.arange(20))["tokens"].clone()
    tokens[:, 2] = MASK
    assert not torch.allclose(encoder.table()[tokens], encoder.table()[turned(tokens, 5)], atol=0.1)
    assert torch.allclose(encoder(tokens), encoder(turned(tokens, 5)), atol=1e-4)


def test_turning_there_and_back_is_nothing() -> None:
    encoder = make_encoder(geometry=True)
    assert encoder.geometry is not None
    tokens = DATA.batch(np.arange(20))["tokens"]
    x, angle = torch.randn(20, 16), encoder.geometry.track_azimuth(tokens)
    there = encoder.geometry.turn(x, -angle)
    assert torch.allclose(encoder.to_detector_frame(there, tokens, torch.arange(20)), x, atol=1e-5)
    assert torch.allclose(there.norm(dim=1), x.norm(dim=1), atol=1e-5)


def test_track_azimuth_is_that_of_its_modules_and_zero_without_modules() -> None:
    encoder = make_encoder(geometry=True)
    assert encoder.geometry is not None
    tokens = DATA.batch(np.arange(20))["tokens"]
    centre = DATA.vocabulary.centres[tokens[:, 1]]
    expected = np.arctan2(centre[:, 1], centre[:, 0])
    assert np.allclose(encoder.geometry.track_azimuth(tokens), expected, atol=1e-5)
    assert encoder.geometry.track_azimuth(torch.full((1, 5), MASK)).tolist() == [0.0]


def test_weights_file_restores_the_geometry() -> None:
    encoder = make_encoder(geometry=True)
    state = encoder.state_dict()
    assert torch.equal(state["geometry.centres"], torch.tensor(DATA.info["centres"]))
    assert state["geometry.layers"].tolist() == DATA.info["layers"]


def test_feature_values() -> None:
    assert azimuth_harmonics(32)[:12].tolist() == [0.0] * 12
    assert azimuth_harmonics(32)[[12, 31]].tolist() == [1.0, 64.0]
    features = fourier_features(torch.tensor([[30.0, 40.0, 0.0], [40.0, -30.0, 0.0], [0.0, 0.0, 6400.0]]))
    assert torch.allclose(features[0], features[1], atol=1e-6)
    assert features[0, :2].tolist() == [0.125, 0.0]
    assert features[2, :2].tolist() == [0.0, 1.0]
