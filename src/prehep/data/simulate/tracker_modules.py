"""The sensitive modules of the tracker, numbered and described as in TrackML's `detectors.csv`.

ACTS 48 and the ACTS version behind TrackML place the same 18,728 modules, but number those of an end-cap disk
differently. Modules are renumbered here, so that tokens of simulated and of real TrackML files are the same.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RADIUS_DECIMALS = 0
RING_ORDER = {
    (40, 68): "011010110110101101101101011011010110110110101101101011011010110110101101101101011011010110"
    "110110101101101011",
    (54, 56, 60): "012201201210210210210210210210212012012012012012021021021021201201201201201201201201201220"
    "12012102102102102102102102120120120120120120210210210212012012012012012012012012",
    (48, 50): "01101010101010101010101010101010101010101010101010101010101101010101010101010101010101010101010101",
}
"""Modules per ring of a disk, and the ring (0 = innermost) of each module number; phi rises within a ring."""


class Sensor(NamedTuple):
    """Size of the cells of one kind of sensor, in mm; u is the precise direction, in the bending plane."""

    pitch_u: float
    pitch_v: float


PIXELS, SHORT_STRIPS = Sensor(0.05, 0.05625), Sensor(0.08, 1.2)
LONG_BARREL_STRIPS, LONG_DISK_STRIPS = Sensor(0.12, 10.8), Sensor(0.12, 10.4)
SENSORS = {
    7: PIXELS,
    8: PIXELS,
    9: PIXELS,
    12: SHORT_STRIPS,
    13: SHORT_STRIPS,
    14: SHORT_STRIPS,
    16: LONG_DISK_STRIPS,
    17: LONG_BARREL_STRIPS,
    18: LONG_DISK_STRIPS,
}
"""Sensor of each TrackML volume; every module is a whole number of cells long and, at its widest, wide."""


@dataclass(frozen=True)
class Modules:
    """Modules sorted by volume, layer and module number; lengths in mm.

    Attributes:
        volume: TrackML volume, `(modules,)`.
        layer: TrackML layer, `(modules,)`.
        number: TrackML module number, `(modules,)`.
        centre: position of the centre, `(modules, 3)`.
        rotation: columns are the unit vectors u, v, w of the module in global x, y, z, `(modules, 3, 3)`.
        half_thickness: `(modules,)`.
        half_width_low: half width in u at v = -half_length, `(modules,)`.
        half_width_high: half width in u at v = +half_length, `(modules,)`; the larger of the two.
        half_length: half length in v, `(modules,)`.
        acts_key: what `acts_key` returns for the module, `(modules,)`.
    """

    volume: NDArray[np.int64]
    layer: NDArray[np.int64]
    number: NDArray[np.int64]
    centre: NDArray[np.float64]
    rotation: NDArray[np.float64]
    half_thickness: NDArray[np.float64]
    half_width_low: NDArray[np.float64]
    half_width_high: NDArray[np.float64]
    half_length: NDArray[np.float64]
    acts_key: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of modules."""
        return len(self.volume)

    def rows(self, key: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of the module with each ACTS key."""
        order = np.argsort(self.acts_key)
        return order[np.searchsorted(self.acts_key, key, sorter=order)]

    def pitch(self) -> NDArray[np.float64]:
        """Return the pitch in u and v, `(modules, 2)`."""
        by_volume = np.zeros((max(SENSORS) + 1, 2))
        by_volume[list(SENSORS)] = list(SENSORS.values())
        return by_volume[self.volume]

    def to_global(self, rows: NDArray[np.int64], u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the global positions `(points, 3)` of points on modules."""
        rotation = self.rotation[rows]
        return self.centre[rows] + u[:, None] * rotation[:, :, 0] + v[:, None] * rotation[:, :, 1]


def acts_key(volume: NDArray[np.int64], layer: NDArray[np.int64], sensitive: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one integer for the volume, layer and sensitive number by which ACTS knows a module."""
    return (volume << 40) | (layer << 24) | sensitive


def trackml_numbers(
    volume: NDArray[np.int64],
    layer: NDArray[np.int64],
    sensitive: NDArray[np.int64],
    centre: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return TrackML's module number of each module: that of ACTS in the barrels, by `RING_ORDER` in the disks."""
    numbers = sensitive.copy()
    groups, group = np.unique(np.stack([volume, layer]), axis=1, return_inverse=True)
    for index in range(groups.shape[1]):
        members = np.flatnonzero(group.ravel() == index)
        radius = np.hypot(centre[members, 0], centre[members, 1]).round(RADIUS_DECIMALS)
        radii, ring = np.unique(radius, return_inverse=True)
        order = RING_ORDER.get(tuple(int(count) for count in np.bincount(ring)))
        if order is not None and len(radii) > 1:
            numbers[members] = _disk_numbers(centre[members], ring, order)
    return numbers


def _disk_numbers(centre: NDArray[np.float64], ring: NDArray[np.int64], order: str) -> NDArray[np.int64]:
    phi = np.arctan2(centre[:, 1], centre[:, 0])
    ring_of_number = np.array([int(digit) for digit in order])
    numbers = np.empty(len(ring), np.int64)
    for index in range(ring.max() + 1):
        members = np.flatnonzero(ring == index)
        numbers[members[np.argsort(phi[members])]] = np.flatnonzero(ring_of_number == index) + 1
    return numbers
