"""Forced decays of b hadrons and the weights that undo them."""

import awkward as ak
import numpy as np
import pytest

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.data.simulate.bottom_decays import bottom_weights
from prehep.data.simulate.generator import ProcessGenerator, silenced_output


def record(*events):
    return ak.Array([[{"id": code, "mother1": mother} for code, mother in event] for event in events])


def test_weight_is_branching_times_two_unless_the_other_side_gave_a_lepton_too():
    system = (90, 0)
    one_side = [system, (-511, 0), (13, 1), (521, 0), (211, 3)]
    both_sides = [system, (-511, 0), (13, 1), (521, 0), (-11, 3)]
    from_charm = [system, (-511, 0), (13, 1), (521, 0), (421, 3), (11, 4)]
    weights = bottom_weights(record(one_side, both_sides, from_charm), {-511: 0.2, -521: 0.3}, side=1)
    np.testing.assert_allclose(weights, [0.4, 0.2, 0.4])


def test_every_forced_hadron_multiplies_the_weight():
    twice = [(90, 0), (-511, 0), (-511, 0), (13, 1), (11, 2)]
    np.testing.assert_allclose(bottom_weights(record(twice), {-511: 0.2}, side=1), [2 * 0.2**2])


@pytest.mark.parametrize("side", [1, -1])
def test_hadrons_of_one_side_decay_to_leptons_and_those_of_the_other_as_nature_does(side):
    pytest.importorskip("pythia8mc")
    settings = SimulatedEvents(title="test", mixture={"qcd_bb": 1.0}, events=1, shards=1, labels=True)
    with silenced_output():
        generator = ProcessGenerator("qcd_bb", settings, 3, forced_side=side, early_vetoes=False)
        particles = generator.batch(150)
    assert all(0.15 < fraction < 0.30 for fraction in generator.branching.values())
    codes = particles.id
    charged = particles[(abs(codes) == 11) | (abs(codes) == 13)]
    mothers = codes[charged.mother1]
    for meson in (511, 521, 531):
        forced, free = -meson * side, meson * side
        hadrons = ak.sum(codes == forced)
        assert ak.sum(mothers == forced) == hadrons > 0
        assert ak.sum(mothers == free) < 0.5 * ak.sum(codes == free)
