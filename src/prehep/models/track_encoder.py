"""The encoder of tracks: token (and geometry) embedding, learned positions, transformer (paper B, 2402.10239).

The geometry embedding is prehep's own. Its features come in pairs that turn with the azimuth of the module, as the
pairs of rotary position embeddings turn with the position (Su et al. 2104.09864). Seen from the direction of its own
track, a track looks the same wherever it goes, and the network has to learn it once instead of once per direction.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prehep.models.transformer import Transformer
from prehep.tokens.track_vocabulary import FIRST_MODULE, PAD

GEOMETRY_WIDTH = 128
# the shortest waves must resolve neighbours: layers are 35 mm or more apart in r, modules 36 to 76 mm long in z
RADIUS_WAVES_MM = (400.0, 200.0, 100.0, 50.0, 25.0)
LONGITUDINAL_WAVES_MM = (6_400.0, 3_200.0, 1_600.0, 800.0, 400.0, 200.0, 100.0, 50.0)
LARGEST_HARMONIC = 64
TOKEN_SCALE = 0.01


class GeometryEmbedding(nn.Module):
    """An embedding of detector modules made from where they are.

    Fourier features of r and z of the centre and a one-hot of the layer pass a two-layer network, so that modules
    near each other start with like embeddings. The pairs of its output are then turned by multiples of the module's
    azimuth. Centres and layers are buffers: the weights file alone says which module is where.
    """

    centres: Tensor
    layers: Tensor
    features: Tensor
    harmonics: Tensor
    is_module: Tensor
    directions: Tensor
    azimuth: Tensor

    def __init__(self, centres: Tensor, layers: Tensor, width: int) -> None:
        """Make the features of each token.

        Args:
            centres: (tokens, 3) float32, mm.
            layers: (tokens,) int64, 0 for special tokens, whose geometry embedding is 0.
            width: features of the embedding, an even number.
        """
        super().__init__()
        features = torch.cat([fourier_features(centres), F.one_hot(layers).float()], dim=1)
        is_module = (layers > 0).unsqueeze(1)
        self.register_buffer("centres", centres)
        self.register_buffer("layers", layers)
        self.register_buffer("features", features, persistent=False)
        self.register_buffer("harmonics", azimuth_harmonics(width // 2), persistent=False)
        self.register_buffer("is_module", is_module, persistent=False)
        self.register_buffer("directions", F.normalize(centres[:, :2]) * is_module, persistent=False)
        self.register_buffer("azimuth", torch.atan2(centres[:, 1], centres[:, 0]), persistent=False)
        self.network = nn.Sequential(
            nn.Linear(features.shape[1], GEOMETRY_WIDTH), nn.GELU(), nn.Linear(GEOMETRY_WIDTH, width)
        )

    def forward(self) -> Tensor:
        """Return the embedding of every token, (tokens, width), as seen from azimuth 0; 0 for special tokens."""
        return self.turn(self.network(self.features), self.azimuth) * self.is_module

    def track_azimuth(self, tokens: Tensor) -> Tensor:
        """Return the azimuth (batch,) of the mean direction of the modules among tokens (batch, length).

        It is 0 where no module is visible.
        """
        mean = self.directions[tokens].sum(1)
        return torch.atan2(mean[:, 1], mean[:, 0])

    def turn(self, x: Tensor, angle: Tensor) -> Tensor:
        """Turn each pair of features of x (..., width) by its harmonic times an angle (...) in radians."""
        phase = angle.unsqueeze(-1) * self.harmonics
        cos, sin = phase.cos(), phase.sin()
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def fourier_features(centres: Tensor) -> Tensor:
    """Return (tokens, features): scaled r and z, and their sines and cosines at several wavelengths."""
    x, y, z = centres.double().unbind(1)
    radius = torch.hypot(x, y)
    phases = [2 * math.pi * radius / wave for wave in RADIUS_WAVES_MM]
    phases += [2 * math.pi * z / wave for wave in LONGITUDINAL_WAVES_MM]
    angles = torch.stack(phases, dim=1)
    scaled = torch.stack([radius / RADIUS_WAVES_MM[0], z / LONGITUDINAL_WAVES_MM[0]], dim=1)
    return torch.cat([scaled, angles.sin(), angles.cos()], dim=1).float()


def azimuth_harmonics(pairs: int) -> Tensor:
    """Return how many times each pair of features turns in one turn of azimuth: 3/8 do not, the others 1 to 64."""
    still = 3 * pairs // 8
    turning = np.round(np.geomspace(1, LARGEST_HARMONIC, pairs - still))
    return torch.from_numpy(np.concatenate([np.zeros(still), turning])).float()


class TrackEncoder(nn.Module):
    """Transformer over the tokens of a track.

    With a geometry the embedding of a module is a learned vector plus a function of its place ("geometry"), and the
    track is turned to a common direction; without it, the learned vector alone, as published ("token"). With norm
    "post" the embeddings are normalised, as in BERT.
    """

    def __init__(
        self, vocabulary_size: int, length_max: int, transformer: Transformer, geometry: GeometryEmbedding | None = None
    ) -> None:
        """Put the encoder together.

        Args:
            vocabulary_size: number of tokens.
            length_max: largest number of tokens of a track.
            transformer: between the embeddings and the output, of whose width the embeddings are.
            geometry: of all tokens; None = learned vectors alone.
        """
        super().__init__()
        width = transformer.width
        self.tokens = nn.Embedding(vocabulary_size, width)
        self.positions = nn.Embedding(length_max, width)
        self.lengths = nn.Embedding(length_max + 1, width)
        for embedding in (self.tokens, self.positions, self.lengths):
            nn.init.normal_(embedding.weight, std=width**-0.5)
        if geometry is not None:
            nn.init.normal_(self.tokens.weight[FIRST_MODULE:], std=TOKEN_SCALE)
        self.geometry = geometry
        self.embedding_norm = nn.Identity() if transformer.norm_first else nn.LayerNorm(width)
        self.transformer = transformer

    def table(self) -> Tensor:
        """Return the embedding of every token (tokens, width), used at the input and, tied, at the output."""
        if self.geometry is None:
            return self.tokens.weight
        return self.tokens.weight + self.geometry()  # type: ignore[no-any-return]

    def forward(self, tokens: Tensor, table: Tensor | None = None) -> Tensor:
        """Return what each token has learned of the others, in the frame of its track.

        Args:
            tokens: (batch, length) int64, PAD = 0 after the end.
            table: `table()`, where the caller has it already.

        Returns:
            (batch, length, width) float32, 0 at PAD.
        """
        mask = tokens != PAD
        x = F.embedding(tokens, self.table() if table is None else table)
        if self.geometry is not None:
            angle = -self.geometry.track_azimuth(tokens).unsqueeze(1)
            x = torch.where((tokens >= FIRST_MODULE).unsqueeze(-1), self.geometry.turn(x, angle), x)
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = x + self.positions(places) + self.lengths(mask.sum(1)).unsqueeze(1)
        return self.transformer(self.embedding_norm(x), mask)  # type: ignore[no-any-return]

    def to_detector_frame(self, x: Tensor, tokens: Tensor, rows: Tensor) -> Tensor:
        """Turn features back from the frame of the track, so that they can be compared with `table`.

        Args:
            x: (asked, width) features.
            tokens: (batch, length) int64, as given to `forward`.
            rows: (asked,) int64, the track of each row of x.
        """
        if self.geometry is None:
            return x
        return self.geometry.turn(x, self.geometry.track_azimuth(tokens)[rows])
