"""Stage `simulate_events`: one shard of a simulated dataset as a NanoAOD-format ROOT file."""

import json
import time

from pydantic import Field, model_validator

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.core.logging import progress
from prehep.core.manifest import Manifest, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.data.simulate.cocktail import shard_quotas, simulate_shard
from prehep.data.simulate.generator import require_generators, silenced_output
from prehep.data.simulate.nanoaod_writer import digest_branches, nanoaod_branches, write_nanoaod
from prehep.data.simulate.processes import PROCESS_NAMES

EVENTS, SUMMARY = "events.root", "summary.json"


class Spec(StageSpec):
    """Simulate one shard of collision events."""

    dataset: str = Field(description="name of the dataset; part of the random seeds")
    settings: SimulatedEvents
    shard: int = Field(ge=0, description="index of the shard, from 0")

    @model_validator(mode="after")
    def _shard_exists(self) -> "Spec":
        if self.shard >= self.settings.shards:
            raise ValueError(f"shard {self.shard} does not exist, {self.dataset} has {self.settings.shards}")
        return self


def run(spec: Spec) -> Manifest:
    """Write `events.root` (tree `Events`) and `summary.json` (per process: events, acceptance, cross section in pb).

    Raises:
        MissingGeneratorError: Pythia 8 or FastJet is not installed.
        ConfigError: a process has no event that passes the trigger and the preselection.
    """
    require_generators()
    settings, seed = spec.settings, spec.settings.seed
    quota = sum(shard_quotas(settings, spec.shard).values())
    with publish(spec.output, spec, stage="simulate_events", code=spec.code, seed=seed) as publication:
        start = time.process_time()
        title = f"{spec.dataset} shard {spec.shard + 1} of {settings.shards}: events"
        with silenced_output(), progress(title, quota) as counter:
            events, summaries = simulate_shard(spec.dataset, settings, spec.shard, counter.advance)
        branches = nanoaod_branches(events, labels=settings.labels)
        write_nanoaod(publication.payload(EVENTS), branches)
        publication.set_content_digest(EVENTS, digest_branches(branches))
        summary = {
            "dataset": spec.dataset,
            "shard": spec.shard,
            "process_names": list(PROCESS_NAMES),
            "processes": {name: facts.model_dump() for name, facts in summaries.items()},
        }
        publication.payload(SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        publication.note(cpu_seconds=round(time.process_time() - start, 2))
    return read_manifest(spec.output)
