"""The ACTS generic detector, whose modules are those of TrackML, and how its sensors are read out."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prehep.data.simulate.requirements import generator_package
from prehep.data.simulate.tracker_modules import SENSORS, Modules, acts_key, trackml_numbers

Extent = Literal["full", "pixels"]
PIXELS_ONLY = 1
FULL = 3
VOLUME_OFFSET: dict[Extent, int] = {"full": 0, "pixels": 3}
"""TrackML's volume minus that of ACTS, which numbers volumes as they are built."""


@dataclass(frozen=True)
class Tracker:
    """A detector in memory.

    Attributes:
        detector: the ACTS detector, which owns the geometry.
        geometry: the ACTS tracking geometry.
        modules: its sensitive modules.
        volume_offset: TrackML's volume minus that of ACTS.
    """

    detector: Any
    geometry: Any
    modules: Modules
    volume_offset: int


def build_tracker(extent: Extent = "full") -> Tracker:
    """Build the generic detector: all of it (18,728 modules) or only its pixel volumes (4,004 modules).

    Raises:
        MissingGeneratorError: pyacts is not installed.
    """
    with generator_package("pyacts"):
        import acts
        import acts.examples
    detector = acts.examples.GenericDetector(
        logLevel=acts.logging.WARNING, buildLevel=PIXELS_ONLY if extent == "pixels" else FULL
    )
    geometry = detector.trackingGeometry()
    surfaces: list[Any] = []
    geometry.visitSurfaces(surfaces.append)
    offset = VOLUME_OFFSET[extent]
    context = acts.GeometryContext.dangerouslyDefaultConstruct()
    return Tracker(detector, geometry, _read_modules(surfaces, context, offset), offset)


def _read_modules(surfaces: list[Any], context: Any, volume_offset: int) -> Modules:
    identifiers = [surface.geometryId for surface in surfaces]
    ids = np.array([(each.volume, each.layer, each.sensitive) for each in identifiers], np.int64)
    centre, rotation = _placements(surfaces, context)
    bounds = np.array([_half_sizes(surface) for surface in surfaces])
    volume, layer = ids[:, 0] + volume_offset, ids[:, 1]
    number = trackml_numbers(volume, layer, ids[:, 2], centre)
    order = np.lexsort((number, layer, volume))
    return Modules(
        volume=volume[order],
        layer=layer[order],
        number=number[order],
        centre=centre[order],
        rotation=rotation[order],
        half_thickness=np.array([surface.thickness for surface in surfaces]).round(6)[order],
        half_width_low=bounds[order, 0],
        half_width_high=bounds[order, 1],
        half_length=bounds[order, 2],
        acts_key=acts_key(ids[:, 0], layer, ids[:, 2])[order],
    )


def _placements(surfaces: list[Any], context: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axes = range(3)
    centres, rotations = [], []
    for surface in surfaces:
        transform = surface.localToGlobalTransform(context)
        translation, rotation = transform.translation, transform.rotation
        centres.append([translation[axis] for axis in axes])
        rotations.append([[rotation[row, column] for column in axes] for row in axes])
    return np.array(centres), np.array(rotations)


def _half_sizes(surface: Any) -> tuple[float, float, float]:
    """Return half widths in u at the low and high end of v, and the half length in v, in mm."""
    values = surface.bounds.values()
    if surface.bounds.type.name == "Trapezoid":
        return values[0], values[1], values[2]
    return values[2], values[2], values[3]


def read_out(tracker: Tracker) -> Any:
    """Return the ACTS digitisation configuration, with cells that follow from each module's own bounds.

    Trapezoids of a disk differ in width from ring to ring, so each has its own entry; a volume of equal
    rectangles needs one.
    """
    with generator_package("pyacts"):
        from acts.examples.json import readDigiConfigFromJson
    header = {"format-version": 0, "value-identifier": "digitization-configuration"}
    content = {"acts-geometry-hierarchy-map": header, "entries": read_out_entries(tracker)}
    with tempfile.TemporaryDirectory(prefix="prehep-tracker-") as folder:
        path = Path(folder) / "digitisation.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return readDigiConfigFromJson(str(path))


def read_out_entries(tracker: Tracker) -> list[dict[str, Any]]:
    """Return the entries of the digitisation configuration in ACTS's JSON format."""
    modules = tracker.modules
    entries = []
    for volume in np.unique(modules.volume):
        rows = np.flatnonzero(modules.volume == volume)
        sizes = np.stack([modules.half_width_high[rows], modules.half_length[rows]])
        alike = bool(np.all(sizes == sizes[:, :1]))
        for row in rows[:1] if alike else rows:
            key = int(modules.acts_key[row])
            place = {"volume": key >> 40}
            if not alike:
                place |= {"layer": (key >> 24) & 0xFFFF, "sensitive": key & 0xFFFFFF}
            entries.append(place | {"value": {"geometric": _cells(modules, int(row))}})
    return entries


def _cells(modules: Modules, row: int) -> dict[str, Any]:
    sensor = SENSORS[int(modules.volume[row])]
    sides = (
        ("binX", float(modules.half_width_high[row]), sensor.pitch_u),
        ("binY", float(modules.half_length[row]), sensor.pitch_v),
    )
    binning = [
        {
            "value": name,
            "type": "equidistant",
            "option": "open",
            "min": -half,
            "max": half,
            "bins": round(2 * half / pitch),
        }
        for name, half, pitch in sides
    ]
    thickness = 2 * float(modules.half_thickness[row])
    return {
        "digital": True,
        "indices": [0, 1],
        "segmentation": {"binningdata": binning},
        "thickness": thickness,
        "threshold": 0,
    }
