"""One shard of a simulated dataset: every process in its share, generated, detected, weighted and shuffled."""

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.core.config.processes import Process
from prehep.core.errors import ConfigError
from prehep.core.seeds import derive_seed, random_stream
from prehep.core.settings import Settings
from prehep.data.simulate.detector import detect_events, passes_selection
from prehep.data.simulate.generator import ProcessGenerator
from prehep.data.simulate.processes import PROCESS_NAMES

BATCH_EVENTS_MIN, BATCH_EVENTS_MAX = 20, 250
FIRST_ACCEPTANCE = 0.5
GENERATED_WITHOUT_ACCEPTED = 50_000
SIMULATION_RUN = 1
SHARD_BITS, EVENT_BITS = 12, 20


class ProcessSummary(Settings):
    """What the generation of one process in one shard did."""

    events: int
    generated: int
    accepted: int
    veto_efficiency: float
    acceptance: float
    cross_section_pb: float
    accepted_cross_section_pb: float


def shard_quotas(settings: SimulatedEvents, shard: int) -> dict[Process, int]:
    """Return how many accepted events of each process a shard holds.

    The declared fractions are met over the dataset to within one event (largest remainder), and each process is
    spread evenly over the shards.
    """
    return {
        process: total // settings.shards + (shard < total % settings.shards)
        for process, total in dataset_quotas(settings).items()
    }


def dataset_quotas(settings: SimulatedEvents) -> dict[Process, int]:
    """Return how many accepted events of each process the whole dataset holds; they sum to `settings.events`."""
    exact = {process: fraction * settings.events for process, fraction in settings.mixture.items()}
    quotas = {process: int(value + 1e-9) for process, value in exact.items()}
    missing = settings.events - sum(quotas.values())
    by_remainder = sorted(exact, key=lambda process: (quotas[process] - exact[process], PROCESS_NAMES.index(process)))
    for process in by_remainder[:missing]:
        quotas[process] += 1
    return quotas


def simulate_shard(
    dataset: str, settings: SimulatedEvents, shard: int, advance: Callable[[int], None] = lambda _: None
) -> tuple[Any, dict[Process, ProcessSummary]]:
    """Simulate one shard.

    Weights (genWeight, pb) of a process sum over the shards of a dataset to its accepted leading-order cross section.
    A weight nearly tells the process, in pseudo-data too: weights are for normalisation and never an input.

    Args:
        dataset: name of the dataset; two datasets never share an event, whatever their seeds.
        settings: the dataset.
        shard: index from 0.
        advance: told the number of newly accepted events.

    Returns:
        Shuffled events (records of `detect_events` with run, luminosityBlock, event, genWeight and Generator_process)
        and a summary of each process.
    """
    totals = dataset_quotas(settings)
    parts: list[Any] = []
    summaries: dict[Process, ProcessSummary] = {}
    for process, quota in shard_quotas(settings, shard).items():
        if quota == 0:
            continue
        part, summary = _simulate_process(dataset, settings, shard, process, quota, advance)
        part["genWeight"] = part.genWeight * (quota / totals[process])
        parts.append(part)
        summaries[process] = summary
    if not parts:
        raise ConfigError(f"Shard {shard} of {dataset} has no event; ask for fewer shards or more events.")
    events = ak.concatenate(parts)
    events = events[random_stream(settings.seed, dataset, "shuffle", shard).permutation(len(events))]
    return _numbered(events, dataset, settings, shard), summaries


def _simulate_process(
    dataset: str, settings: SimulatedEvents, shard: int, process: Process, quota: int, advance: Callable[[int], None]
) -> tuple[Any, ProcessSummary]:
    """Return `quota` accepted events whose weights sum to the accepted cross section, and their summary."""
    seed = derive_seed(settings.seed, dataset, process, shard)
    generator = ProcessGenerator(process, settings, seed, forced_side=1 if shard % 2 == 0 else -1)
    random = random_stream(settings.seed, dataset, process, shard, "detector")
    batches, corrections, accepted = [], [], 0
    while accepted < quota:
        particles = generator.batch(_batch_events(quota, accepted, generator.generated))
        events = detect_events(particles, settings.detector, random)
        kept = ak.to_numpy(passes_selection(events, settings.detector, settings.preselection))
        advance(min(int(kept.sum()), quota - accepted))
        accepted += int(kept.sum())
        batches.append(events[kept])
        corrections.append(generator.weights(particles)[kept])
        if accepted == 0 and generator.generated >= GENERATED_WITHOUT_ACCEPTED:
            raise ConfigError(
                f"No event of {process} in {dataset} was accepted out of {generator.generated} that passed the early "
                f"vetoes; lower lepton_pt_min or jets_min, or leave {process} out."
            )
    correction = np.concatenate(corrections)
    cross_section = generator.cross_section * float(correction.sum()) / generator.generated
    part = ak.concatenate(batches)[:quota]
    part["genWeight"] = correction[:quota] * (cross_section / correction[:quota].sum())
    part["Generator_process"] = np.full(quota, PROCESS_NAMES.index(process), dtype=np.int32)
    return part, ProcessSummary(
        events=quota,
        generated=generator.generated,
        accepted=accepted,
        veto_efficiency=generator.veto_efficiency,
        acceptance=generator.veto_efficiency * float(correction.sum()) / generator.generated,
        cross_section_pb=generator.cross_section / generator.veto_efficiency,
        accepted_cross_section_pb=cross_section,
    )


def _batch_events(quota: int, accepted: int, generated: int) -> int:
    """Return how many events to generate next: those still wanted over the acceptance so far, within limits."""
    acceptance = (accepted + 1) / generated if generated else FIRST_ACCEPTANCE
    return int(np.clip((quota - accepted) / acceptance, BATCH_EVENTS_MIN, BATCH_EVENTS_MAX))


def _numbered(events: Any, dataset: str, settings: SimulatedEvents, shard: int) -> Any:
    """Give each event a number that no other event of any shard or dataset has."""
    first = derive_seed(settings.seed, dataset, "event") << (SHARD_BITS + EVENT_BITS) | shard << EVENT_BITS
    events["run"] = np.full(len(events), SIMULATION_RUN, dtype=np.uint32)
    events["luminosityBlock"] = np.full(len(events), shard + 1, dtype=np.uint32)
    events["event"] = np.arange(len(events), dtype=np.uint64) + np.uint64(first)
    return events
