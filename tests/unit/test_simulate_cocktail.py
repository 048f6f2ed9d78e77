"""Quotas, seeds, weights and event numbers of simulated shards."""

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prehep.core.config.event_simulation import PreselectionSettings, SimulatedEvents
from prehep.data.simulate.cocktail import dataset_quotas, shard_quotas, simulate_shard
from prehep.data.simulate.generator import silenced_output
from prehep.data.simulate.nanoaod_writer import digest_branches, nanoaod_branches
from prehep.data.simulate.processes import PROCESS_NAMES

MIXTURE = {"ttbar": 0.5, "z_jets": 0.3, "diboson": 0.2}


def cocktail(**changes):
    values = {"title": "test", "mixture": MIXTURE, "events": 20, "shards": 2, "labels": True, "seed": 3}
    return SimulatedEvents.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def shards():
    pytest.importorskip("pythia8mc")
    pytest.importorskip("fastjet")
    with silenced_output():
        return [simulate_shard("pseudo", cocktail(), shard) for shard in (0, 1)]


@given(st.integers(9, 5000), st.integers(1, 9), st.lists(st.integers(1, 100), min_size=2, max_size=6))
def test_quotas_sum_to_the_events_and_stay_within_one_of_the_fractions(events, shards, parts):
    mixture = {PROCESS_NAMES[i]: part / sum(parts) for i, part in enumerate(parts)}
    settings = cocktail(mixture=mixture, events=events, shards=shards)
    totals = dataset_quotas(settings)
    assert sum(totals.values()) == events
    assert all(abs(totals[name] - fraction * events) < 1 for name, fraction in mixture.items())
    per_shard = [shard_quotas(settings, shard) for shard in range(shards)]
    for name, total in totals.items():
        counts = [quota[name] for quota in per_shard]
        assert sum(counts) == total
        assert max(counts) - min(counts) <= 1


def test_a_shard_holds_its_quota_of_every_process_shuffled(shards):
    events, summaries = shards[0]
    codes = ak.to_numpy(events.Generator_process)
    found = {PROCESS_NAMES[code]: int((codes == code).sum()) for code in np.unique(codes)}
    assert found == {"ttbar": 5, "z_jets": 3, "diboson": 2}
    assert {name: summary.events for name, summary in summaries.items()} == found
    assert np.any(np.diff(codes) < 0)
    assert np.any(np.diff(codes) > 0)


def test_weights_sum_to_the_accepted_cross_section(shards):
    for name in MIXTURE:
        code = PROCESS_NAMES.index(name)
        total = sum(float(ak.sum(events.genWeight[events.Generator_process == code])) for events, _ in shards)
        sections = [(summaries[name].accepted_cross_section_pb, summaries[name].events) for _, summaries in shards]
        expected = sum(section * events for section, events in sections) / sum(events for _, events in sections)
        assert total == pytest.approx(expected, rel=1e-9)
        assert 0 < total < summaries_total(shards, name)


def summaries_total(shards, name):
    return max(summaries[name].cross_section_pb for _, summaries in shards)


def test_every_event_passes_trigger_and_preselection(shards):
    events = ak.concatenate([events for events, _ in shards])
    leading = np.maximum(
        ak.fill_none(ak.max(events.Muon.pt, axis=1), 0), ak.fill_none(ak.max(events.Electron.pt, axis=1), 0)
    )
    assert ak.all(leading > 25)
    assert ak.all(ak.sum((events.Jet.pt > 25) & (abs(events.Jet.eta) < 2.4), axis=1) >= 2)


def test_event_numbers_are_unique_over_shards_and_datasets(shards):
    with silenced_output():
        other, _ = simulate_shard("other", cocktail(mixture={"diboson": 1.0}, events=2, shards=1), 0)
    numbers = np.concatenate([ak.to_numpy(events.event) for events in (shards[0][0], shards[1][0], other)])
    assert numbers.dtype == np.uint64
    assert len(np.unique(numbers)) == len(numbers)
    assert {int(events.luminosityBlock[0]) for events, _ in shards} == {1, 2}


def test_the_seed_decides_every_array():
    pytest.importorskip("pythia8mc")
    pytest.importorskip("fastjet")

    def digest(seed):
        settings = cocktail(mixture={"ttbar": 1.0}, events=5, shards=1, seed=seed)
        with silenced_output():
            events, _ = simulate_shard("pseudo", settings, 0)
        events["event"] = np.zeros(5, dtype=np.uint64)
        return digest_branches(nanoaod_branches(events, labels=True))

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_without_a_jet_requirement_events_with_fewer_jets_stay():
    pytest.importorskip("pythia8mc")
    pytest.importorskip("fastjet")
    settings = cocktail(mixture={"z_jets": 1.0}, events=30, shards=1, preselection=PreselectionSettings(jets_min=0))
    with silenced_output():
        events, _ = simulate_shard("pseudo", settings, 0)
    assert ak.any(ak.num(events.Jet) < 2)
