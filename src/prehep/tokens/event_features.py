"""Objects as numbers a network reads: the nine features of paper A (2312.06909), and their scaling."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from prehep.core.config.event_tokens import Feature
from prehep.core.settings import Settings

PADDING, LEPTON, B_JET, LIGHT_JET, MET = range(5)
TYPE_NAMES = ("lepton", "bjet", "light_jet", "met")
PT, ETA, PHI, MASS, CHARGE = range(5)
KINEMATICS = ("pt", "eta", "phi", "mass", "charge")
ONE_HOT = tuple(f"type_{name}" for name in TYPE_NAMES)


class Scaling(Settings):
    """Shift and width of each column; 0 and 1 leave a column as it is."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def identity(cls, columns: Sequence[str]) -> Self:
        """Return the scaling that changes nothing."""
        return cls(mean=(0.0,) * len(columns), std=(1.0,) * len(columns))

    def apply(self, features: NDArray[np.float32], types: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return (features - mean) / std, 0 at padding.

        Args:
            features: (..., columns) of `encode`: of objects, or of events and slots.
            types: (...), 0 = padding.
        """
        scaled = (features - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.where((types > PADDING)[..., None], scaled, np.float32(0))


class ScalingMeasurement:
    """Mean and standard deviation of each column over real objects, collected chunk by chunk.

    One-hot columns are left as they are; so is the width of a column with a single value (the mass of muons).
    """

    def __init__(self, columns: Sequence[str]) -> None:
        from sklearn.preprocessing import StandardScaler

        self.columns = tuple(columns)
        self.scaler = StandardScaler()
        self.count = 0

    def add(self, features: NDArray[np.float32], types: NDArray[np.int8]) -> None:
        """Add (..., columns) features of `encode` with their (...) types."""
        objects = features[types > PADDING].astype(np.float64)
        self.count += len(objects)
        if len(objects):
            self.scaler.partial_fit(objects)

    def result(self) -> Scaling:
        """Return the scaling.

        Raises:
            ValueError: no real object was added.
        """
        if not self.count:
            raise ValueError("there is no object to measure the scaling with")
        unscaled = np.isin(self.columns, ONE_HOT)
        mean = np.where(unscaled, 0.0, self.scaler.mean_)
        std = np.where(unscaled, 1.0, self.scaler.scale_)
        return Scaling(mean=tuple(map(float, mean)), std=tuple(map(float, std)))


def feature_columns(features: Sequence[Feature]) -> tuple[str, ...]:
    """Return the name of each column of `encode`; the type takes four, all others one."""
    columns: list[str] = []
    for name in features:
        columns.extend(ONE_HOT if name == "type" else (name,))
    return tuple(columns)


def encode(
    kinematics: NDArray[np.float32], types: NDArray[np.int8], features: Sequence[Feature]
) -> NDArray[np.float32]:
    """Encode objects as the columns named by `feature_columns`, unscaled.

    Args:
        kinematics: (..., 5) pt in GeV, eta, phi in rad, mass in GeV, charge; of objects, or of events and slots.
        types: (...) 0 padding, 1 lepton, 2 b-jet, 3 light jet, 4 MET.
        features: which, in order; pt and mass as `signed_log`.

    Returns:
        (..., columns), 0 at padding.
    """
    columns: list[NDArray[np.float32]] = []
    for name in features:
        if name == "type":
            columns.extend((types == code).astype(np.float32) for code in range(LEPTON, MET + 1))
        else:
            columns.append(_encode_one(kinematics, name))
    stacked = np.stack(columns, axis=-1).astype(np.float32)
    return np.where((types > PADDING)[..., None], stacked, np.float32(0))


def signed_log(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return sign(x) log10(|x| + 1): 0 -> 0, 9 -> 1, -99 -> -2."""
    encoded: NDArray[np.float32] = np.sign(values) * np.log10(np.abs(values) + 1)
    return encoded


def _encode_one(kinematics: NDArray[np.float32], name: Feature) -> NDArray[np.float32]:
    match name:
        case "pt":
            return signed_log(kinematics[..., PT])
        case "mass":
            return signed_log(kinematics[..., MASS])
        case "sin_phi":
            return np.sin(kinematics[..., PHI])
        case "cos_phi":
            return np.cos(kinematics[..., PHI])
        case _:
            return kinematics[..., KINEMATICS.index(name)]
