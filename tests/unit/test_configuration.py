"""Tests of the configuration: generated files, suggestions, every shipped file."""

from pathlib import Path

import pytest
import yaml

from prehep.core.config.documents import defaults_text, schema_text
from prehep.core.config.loading import load_config, load_datasets
from prehep.core.config.root import Config
from prehep.core.errors import ConfigError
from prehep.core.settings import merge
from prehep.workflow.configuration import read_registry, resolve

CONFIG = Path(__file__).parents[2] / "config"
OVERLAYS = sorted(path.name for path in CONFIG.glob("*.yaml"))


def test_generated_files_are_in_step() -> None:
    for name, text in (("config.yaml", defaults_text()), ("schema.json", schema_text())):
        assert (CONFIG / name).read_text() == text, f"config/{name} is stale: run prehep config --write"


def test_defaults_survive_the_round_trip() -> None:
    assert load_config(yaml.safe_load(defaults_text())) == Config()


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_shipped_configuration_is_valid(name: str) -> None:
    values = merge(yaml.safe_load(defaults_text()), yaml.safe_load((CONFIG / name).read_text()))
    config, datasets = resolve(values, CONFIG)
    assert config.name == ("default" if name == "config.yaml" else Path(name).stem)
    assert datasets


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        ({"naem": "x"}, "unknown key naem, did you mean name?"),
        ({"event_pretraining": {"tokenss": {}}}, "event_pretraining.tokenss, did you mean tokens?"),
        (
            {"event_pretraining": {"pretrain": {"masked_type": {"training": {"learning_rat": 1}}}}},
            "masked_type.training.learning_rat, did you mean learning_rate?",
        ),
        ({"event_pretraining": {"sweeps": {"pretrained": {"stepz": 3}}}}, "pretrained.stepz, did you mean steps?"),
        ({"device": "tpu"}, "device: "),
        ({"studies": []}, "studies: "),
        ({"tracking_bert": {"pretrain": {"bert_tokenn": None}}}, "pretrain.bert_tokenn is null"),
        ({"event_pretraining": {"sweeps": {"scratch_tunde": {}}}}, "sweeps.scratch_tunde"),
        ({"event_pretraining": {"tokens": {"split": {"valid": 0.6, "test": 0.6}}}}, "leave nothing to train on"),
        (
            {"event_pretraining": {"pretrain": {"masked_type": {"model": {"width": 30}}}}},
            "width 30 is not a multiple of heads 4",
        ),
        ({"event_pretraining": {"task": {"window": [100, 90]}}}, "window must be an interval"),
    ],
)
def test_wrong_values_are_named(overlay: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(merge(yaml.safe_load(defaults_text()), overlay))
    assert sentence in str(caught.value)


def test_unknown_dataset_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean pseudo_data"):
        load_datasets(read_registry(CONFIG / "datasets"), {"pseudodata": {"events": 3}})


def test_misspelt_dataset_field_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean shards"):
        load_datasets(read_registry(CONFIG / "datasets"), {"pseudo_data": {"shard": 3}})


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        ({"event_pretraining": {"pretrain_data": "tracks_gun"}}, "dataset tracks_gun holds tracks, expected events"),
        (
            {"event_pretraining": {"pretrain": {"masked_type": {"objective": {"name": "mdm"}}}}},
            "pretrain.masked_type.objective.name: Input should be 'masked_type' or 'masked_kinematics' (found 'mdm')",
        ),
        ({"event_pretraining": {"task": {"signal": None}}}, "task.signal: a task of processes needs a dataset"),
        ({"event_pretraining": {"finetune_from": "nothing"}}, "finetune_from: nothing"),
        ({"datasets": {"pseudo_data": {"evnts": 3}}}, "unknown key datasets.pseudo_data.evnts, did you mean events?"),
        ({"datasets": {"pseudo_data": {"events": 2, "shards": 3}}}, "3 shards need at least as many events"),
    ],
)
def test_what_does_not_fit_together_is_named(overlay: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(merge(yaml.safe_load(defaults_text()), overlay), CONFIG)
    assert sentence in str(caught.value)


def test_null_removes_a_named_run() -> None:
    values = merge(yaml.safe_load(defaults_text()), {"tracking_bert": {"pretrain": {"bert_token": None}}})
    assert "bert_token" not in load_config(values).tracking_bert.pretrain


def test_study_of_an_unknown_dataset_is_an_error() -> None:
    values = merge(yaml.safe_load(defaults_text()), {"event_pretraining": {"pretrain_data": "nothing"}})
    with pytest.raises(ConfigError, match=r"event_pretraining\.pretrain_data: dataset nothing"):
        resolve(values, CONFIG)
