"""Availability of the generators and their silence."""

import importlib
import sys

import pytest

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.core.errors import MissingGeneratorError
from prehep.data.simulate.generator import ProcessGenerator, require_generators, silenced_output

DIBOSON = SimulatedEvents(title="test", mixture={"diboson": 1.0}, events=1, shards=1, labels=True)


@pytest.mark.parametrize("package", ["pythia8mc", "fastjet"])
def test_a_missing_package_is_one_sentence_with_the_way_out(monkeypatch, package):
    for name in ("pythia8mc", "fastjet"):
        monkeypatch.setitem(sys.modules, name, None if name == package else importlib)
    with pytest.raises(MissingGeneratorError, match=rf"{package} cannot be imported.*sample\.yaml.*paper\.yaml"):
        require_generators()


def test_banners_do_not_reach_standard_output(capfd):
    pytest.importorskip("pythia8mc")
    with silenced_output():
        ProcessGenerator("diboson", DIBOSON, 1).batch(2)
    sys.stdout.write("after\n")
    assert capfd.readouterr().out == "after\n"


def test_seed_zero_is_a_seed_and_not_the_clock():
    pytest.importorskip("pythia8mc")
    with silenced_output():
        first, second = (ProcessGenerator("diboson", DIBOSON, 0).batch(2).p.px.tolist() for _ in range(2))
    assert first == second


def test_multi_parton_interactions_can_be_switched_on():
    pytest.importorskip("pythia8mc")
    with_interactions = DIBOSON.model_copy(update={"multi_parton_interactions": True})
    with silenced_output():
        quiet, busy = (ProcessGenerator("diboson", settings, 1).batch(10) for settings in (DIBOSON, with_interactions))
    assert sum(map(len, busy)) > 1.3 * sum(map(len, quiet))
