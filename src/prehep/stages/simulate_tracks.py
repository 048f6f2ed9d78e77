"""Stage `simulate_tracks`: one shard of simulated tracker events as TrackML files."""

from typing import Self

from pydantic import Field, model_validator

from prehep.core.config.track_simulation import SimulatedTracks
from prehep.core.lazy import Entry, load
from prehep.core.logging import logger, progress
from prehep.core.manifest import Manifest, publish, read_manifest
from prehep.core.seeds import derive_seed, random_stream
from prehep.core.specification import StageSpec
from prehep.data.simulate.tracker_effects import add_noise, lose_hits
from prehep.data.simulate.tracker_geometry import build_tracker
from prehep.data.simulate.tracker_hits import TrackerSimulation
from prehep.data.simulate.tracker_particles import ParticleSource
from prehep.data.simulate.trackml_writer import write_detectors, write_event


class Spec(StageSpec):
    """Simulate one shard of a dataset of tracker events."""

    dataset: str = Field(description="name of the dataset")
    settings: SimulatedTracks
    particles: Entry = Field(description="class of the generator that the settings name")
    shard: int = Field(ge=0, description="which of settings.shards groups of events")

    @model_validator(mode="after")
    def _shard_exists(self) -> Self:
        if self.shard >= self.settings.shards:
            raise ValueError(f"shard is {self.shard}, expected less than settings.shards = {self.settings.shards}")
        return self


def shard_events(events: int, shards: int, shard: int) -> range:
    """Return the numbers of the events of one shard; events are numbered from 1, without gaps, over all shards."""
    return range(1 + shard * events // shards, 1 + (shard + 1) * events // shards)


def run(spec: Spec) -> Manifest:
    """Write `event*-{hits,truth,particles}.csv.gz` of the shard's events and `detectors.csv.gz`.

    Every event is a function of the settings and its number: no event depends on those before it.

    Raises:
        MissingGeneratorError: pyacts, or pythia8mc for tt events, is not installed.
    """
    settings = spec.settings
    with publish(spec.output, spec, stage="simulate_tracks", code=spec.code, seed=settings.seed) as publication:
        tracker = build_tracker(settings.detector)
        source: ParticleSource = load(spec.particles)(settings)
        simulation = TrackerSimulation(tracker, settings.magnetic_field, derive_seed(settings.seed, "tracker"))
        write_detectors(publication.folder, tracker.modules)
        events = shard_events(settings.events, settings.shards, spec.shard)
        totals = {"events": len(events), "particles": 0, "hits": 0}
        with progress(f"simulate {spec.dataset} {spec.shard}", len(events)) as counter:
            for event in events:
                particles, hits = simulation.simulate(event, source.particles(event))
                stream = random_stream(settings.seed, "effects", event)
                hits = lose_hits(hits, settings.inefficiency, stream)
                hits = add_noise(hits, tracker.modules, settings.noise_fraction, stream)
                write_event(publication.folder, event, hits, particles, tracker.modules)
                totals["particles"] += len(particles)
                totals["hits"] += len(hits)
                counter.advance(hits=len(hits))
        publication.note(**totals)
        logger.info("simulated %s", ", ".join(f"{number} {name}" for name, number in totals.items()))
    return read_manifest(spec.output)
