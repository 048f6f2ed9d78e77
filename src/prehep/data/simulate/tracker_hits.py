"""Hits of particles in the tracker: ACTS fast simulation (Fatras) and geometric digitisation."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from prehep.data.simulate.requirements import generator_package
from prehep.data.simulate.tracker_geometry import Tracker, read_out
from prehep.data.simulate.tracker_modules import acts_key
from prehep.data.simulate.tracker_particles import Particles

MOMENTUM_MIN = 0.1
"""GeV. Fatras drops particles below 0.5 GeV by default, 16 % of those in tt events; none here is below 0.1 GeV."""
NOISE = -1


@dataclass(frozen=True)
class Hits:
    """Hits of one event.

    Attributes:
        module: row of the module in `Modules`, `(hits,)`.
        particle: row of the particle in `Particles`, or -1 for noise, `(hits,)`.
        position: measured position, mm, `(hits, 3)`.
        true_position: where the particle crossed the module, mm, `(hits, 3)`.
        true_momentum: momentum of the particle there, GeV, `(hits, 3)`.
    """

    module: NDArray[np.int64]
    particle: NDArray[np.int64]
    position: NDArray[np.float64]
    true_position: NDArray[np.float64]
    true_momentum: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of hits."""
        return len(self.module)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return the hits that a mask or an index array chooses."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def joined(self, other: "Hits") -> Self:
        """Return these hits followed by others."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in pairs))

    def per_particle(self, particles: int) -> NDArray[np.int64]:
        """Return the number of hits of each of so many particles, `(particles,)`."""
        return np.bincount(self.particle[self.particle != NOISE], minlength=particles)


class TrackerSimulation:
    """The tracker in a magnetic field, ready to simulate events one by one.

    The algorithms of ACTS run without its sequencer, which would write files and print tables. The random numbers
    of an event follow from the seed and the event number alone.
    """

    def __init__(self, tracker: Tracker, magnetic_field: float, seed: int) -> None:
        """Prepare the algorithms for a field in tesla along z.

        Raises:
            MissingGeneratorError: pyacts is not installed.
        """
        with generator_package("pyacts"):
            import acts
            import acts.arrow
            import acts.examples
        self.tracker = tracker
        self.level = acts.logging.WARNING
        self.algorithms = _algorithms(tracker, magnetic_field, seed, self.level)
        examples, owner = acts.examples, self.algorithms[0]
        self.particle_input = examples.WriteDataHandle(owner, examples.SimParticleContainer, "PrehepParticles")
        self.particle_input.initialize("particles")
        self.hit_output = _reader(owner, examples.SimHitContainer, "simulated_hits")
        self.hit_table = _reader(owner, acts.arrow.ArrowTable, "hit_table")
        self.particle_table = _reader(owner, acts.arrow.ArrowTable, "particle_table")

    def simulate(self, event: int, particles: Particles) -> tuple[Particles, Hits]:
        """Return all particles, secondaries included, and their hits in the order of the modules.

        Args:
            event: number of the event, which selects the random numbers.
            particles: charged particles, sorted by vertex.
        """
        from acts.examples import AlgorithmContext, WhiteBoard

        store = WhiteBoard(self.level)
        context = AlgorithmContext(0, event, store, 0)
        self.particle_input(context, _to_acts(particles))
        for algorithm in self.algorithms:
            algorithm.internalExecute(context)
        momentum = _momenta(self.hit_output(store))
        simulated = _read_particles(_columns(self.particle_table(store)))
        hits = self._read_hits(_columns(self.hit_table(store)), momentum)
        return simulated, hits

    def _read_hits(self, table: dict[str, NDArray[Any]], momentum: NDArray[np.float64]) -> Hits:
        ids = [table[name].astype(np.int64) for name in ("volume_id", "layer_id", "surface_id")]
        hits = Hits(
            module=self.tracker.modules.rows(acts_key(*ids)),
            particle=table["particle_id"].astype(np.int64),
            position=_vectors(table, ("x", "y", "z")),
            true_position=_vectors(table, ("true_x", "true_y", "true_z")),
            true_momentum=momentum,
        )
        measured = hits.select(np.flatnonzero(np.isfinite(hits.position[:, 0])))
        return measured.select(np.argsort(measured.module, kind="stable"))


def _algorithms(tracker: Tracker, magnetic_field: float, seed: int, level: Any) -> list[Any]:
    import acts
    from acts.examples import DigitizationAlgorithm, FatrasSimulation, RandomNumbers
    from acts.examples.arrow import (
        ArrowParticleOutputConverter,
        ArrowSimHitOutputConverter,
        makeVolumeIdDetectorResolver,
    )

    random_numbers = RandomNumbers(seed=seed)
    simulation = FatrasSimulation(
        # Above this level, a line for each of the few particles that loop beyond the limit and are left out.
        level=acts.logging.FATAL,
        inputParticles="particles",
        outputParticles="simulated_particles",
        outputSimHits="simulated_hits",
        randomNumbers=random_numbers,
        trackingGeometry=tracker.geometry,
        magneticField=acts.ConstantBField(acts.Vector3(0, 0, magnetic_field * acts.UnitConstants.T)),
        generateHitsOnSensitive=True,
        emScattering=True,
        emEnergyLossIonisation=True,
        emEnergyLossRadiation=True,
        emPhotonConversion=True,
        pMin=MOMENTUM_MIN,
    )
    digitisation = DigitizationAlgorithm(
        level=level,
        digitizationConfigs=read_out(tracker),
        surfaceByIdentifier=tracker.geometry.geoIdSurfaceMap(),
        randomNumbers=random_numbers,
        inputSimHits="simulated_hits",
        doMerge=False,
        outputMeasurements="measurements",
        outputClusters="clusters",
        outputMeasurementSubset="measurement_subset",
        outputMeasurementParticlesMap="measurement_particles",
        outputMeasurementSimHitsMap="measurement_hits",
        outputParticleMeasurementsMap="particle_measurements",
        outputSimHitMeasurementsMap="hit_measurements",
    )
    particle_table = ArrowParticleOutputConverter(
        level=level, inputParticles="simulated_particles", outputTable="particle_table"
    )
    hit_table = ArrowSimHitOutputConverter(
        level=level,
        inputSimHits="simulated_hits",
        inputParticles="simulated_particles",
        inputClusters="clusters",
        inputSimHitMeasurementsMap="hit_measurements",
        outputTable="hit_table",
        detectorResolver=makeVolumeIdDetectorResolver({}),
    )
    return [simulation, digitisation, particle_table, hit_table]


def _reader(owner: Any, kind: Any, key: str) -> Any:
    from acts.examples import ReadDataHandle

    handle = ReadDataHandle(owner, kind, f"Prehep_{key}")
    handle.initialize(key)
    return handle


def _to_acts(particles: Particles) -> Any:
    from acts import PdgParticle, Vector3, Vector4
    from acts.examples import SimBarcode, SimParticle, SimParticleContainer

    container = SimParticleContainer()
    momentum = np.linalg.norm(particles.momentum, axis=1).tolist()
    direction, position = particles.momentum.tolist(), particles.position.tolist()
    kind = zip(particles.pdg.tolist(), particles.charge.tolist(), particles.mass.tolist(), strict=True)
    vertex = particles.vertex.tolist()
    for row, (pdg, charge, mass) in enumerate(kind):
        barcode = SimBarcode()
        barcode.vertexPrimary = vertex[row]
        barcode.particle = row + 1
        particle = SimParticle(barcode, PdgParticle(pdg), charge, mass)
        particle.fourPosition = Vector4(*position[row], 0.0)
        particle.direction = Vector3(*direction[row])
        particle.absoluteMomentum = momentum[row]
        container.insert(particle)
    return container


def _momenta(container: Any) -> NDArray[np.float64]:
    # Indexing these vectors is ten times faster than iterating over them.
    momenta = (hit.momentum4Before for hit in container)
    flat = [vector[axis] for vector in momenta for axis in (0, 1, 2)]
    return np.array(flat, np.float64).reshape(-1, 3)


def _columns(table: Any) -> dict[str, NDArray[Any]]:
    arrow = pa.table(table.as_table())
    return {name: arrow[name].combine_chunks()[0].values.to_numpy(zero_copy_only=False) for name in arrow.column_names}


def _vectors(table: dict[str, NDArray[Any]], names: tuple[str, str, str]) -> NDArray[np.float64]:
    return np.stack([table[name] for name in names], axis=1).astype(np.float64)


def _read_particles(table: dict[str, NDArray[Any]]) -> Particles:
    return Particles(
        vertex=table["vertex_primary"].astype(np.int64),
        primary=table["primary"].astype(np.bool_),
        pdg=table["pdg_id"].astype(np.int64),
        charge=table["charge"].astype(np.float64),
        mass=table["mass"].astype(np.float64),
        position=_vectors(table, ("vx", "vy", "vz")),
        momentum=_vectors(table, ("px", "py", "pz")),
    )
