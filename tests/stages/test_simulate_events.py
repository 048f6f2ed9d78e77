"""Stage `simulate_events`."""

import json
from pathlib import Path

import pytest
import uproot
import yaml
from pydantic import ValidationError

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.core.manifest import load_payload
from prehep.stages.simulate_events import Spec, run

DATASETS = Path(__file__).parents[2] / "config" / "datasets"
NAMES = ("pseudo_data", "signal_2hdm", "background_ttbar")


def settings(**changes):
    values = {"title": "test", "mixture": {"ttbar": 0.5, "diboson": 0.5}, "events": 6, "shards": 1, "labels": False}
    return SimulatedEvents.model_validate({**values, **changes})


def test_output_verifies_and_equal_seeds_give_equal_manifests(tmp_path):
    pytest.importorskip("pythia8mc")
    pytest.importorskip("fastjet")
    specs = [Spec(output=tmp_path / name, dataset="d", settings=settings(), shard=0) for name in ("a", "b")]
    first, second = (run(spec) for spec in specs)
    assert first.digest == second.digest
    assert first.payloads["events.root"].content == second.payloads["events.root"].content is not None
    with uproot.open(load_payload(tmp_path / "a", "events.root")) as file:
        arrays = file["Events"].arrays()
    assert len(arrays) == 6
    assert "Generator_process" not in arrays.fields
    summary = json.loads(load_payload(tmp_path / "a", "summary.json").read_text())
    assert summary["processes"]["ttbar"]["events"] == 3
    sections = sum(facts["accepted_cross_section_pb"] for facts in summary["processes"].values())
    assert float(arrays.genWeight.to_numpy().sum()) == pytest.approx(sections, rel=1e-5)


def test_labelled_simulation_says_its_process(tmp_path):
    pytest.importorskip("pythia8mc")
    pytest.importorskip("fastjet")
    labelled = settings(mixture={"diboson": 1.0}, events=3, labels=True)
    run(Spec(output=tmp_path, dataset="d", settings=labelled, shard=0))
    names = json.loads((tmp_path / "summary.json").read_text())["process_names"]
    with uproot.open(tmp_path / "events.root") as file:
        codes = file["Events/Generator_process"].array().tolist()
    assert [names[code] for code in codes] == ["diboson"] * 3


def test_a_shard_beyond_the_last_is_refused(tmp_path):
    with pytest.raises(ValidationError, match="shard 1 does not exist"):
        Spec(output=tmp_path, dataset="d", settings=settings(), shard=1)


@pytest.mark.parametrize("name", NAMES)
def test_dataset_files_are_valid_and_only_pseudo_data_are_unlabelled(name):
    found = SimulatedEvents.model_validate(yaml.safe_load((DATASETS / f"{name}.yaml").read_text()))
    assert found.labels == (name != "pseudo_data")
    if name == "pseudo_data":
        assert not {"signal_2hdm"} & set(found.mixture)
