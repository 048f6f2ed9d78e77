"""The pretraining stage: its files, exact continuation after SIGKILL, refusal of another run's state."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from token_folders import write_event_tokens, write_track_tokens

from prehep.core.errors import ConfigError
from prehep.core.manifest import load_payload
from prehep.hub.loading import load_pretrained
from prehep.objectives.registry import OBJECTIVES
from prehep.stages.identity import run_identity
from prehep.stages.pretrain_model import Spec, run
from prehep.training.state import StateStore
from prehep.workflow.parts import READERS

MODEL = {"width": 16, "layers": 1, "heads": 2, "feedforward": 32, "dropout": 0.1}
PROGRAM = """
import sys
from prehep.stages import command, pretrain_model
sys.exit(command.main(pretrain_model.Spec, pretrain_model.run))
"""


def fields(folder: Path, tokens: Path, objective: str, **training: Any) -> dict[str, Any]:
    return {
        "name": "test",
        "tokens": [tokens.as_posix()],
        "reader": READERS["tracks" if objective == "mdm" else "events"],
        "objective": OBJECTIVES[objective],
        "settings": {
            "objective": {"name": objective},
            "model": MODEL,
            "training": {"steps": 30, "batch_size": 32, "validation_interval": 10, **training},
        },
        "device": "cpu",
        "output": (folder / "run").as_posix(),
        "state": (folder / "state").as_posix(),
    }


@pytest.mark.parametrize("embedding", ["token", "geometry"])
def test_tracks_are_learned_and_everything_is_written(tmp_path: Path, embedding: str) -> None:
    tokens = write_track_tokens(tmp_path / "tokens")
    spec = fields(tmp_path, tokens, "mdm", optimiser="muon", steps=60, learning_rate=0.01)
    spec["settings"]["objective"]["embedding"] = embedding
    manifest = run(Spec.model_validate(spec))
    assert set(manifest.payloads) == {
        "encoder.safetensors",
        "objective.safetensors",
        "config.json",
        "history.csv",
        "vocabulary.parquet",
    }
    with load_payload(tmp_path / "run", "history.csv").open() as stream:
        history = list(csv.DictReader(stream))
    assert [row["step"] for row in history] == ["10", "20", "30", "40", "50", "60"]
    assert float(history[-1]["valid_loss_masked"]) < float(history[0]["valid_loss_masked"])
    assert not (tmp_path / "state").exists()
    notes = json.loads((tmp_path / "run" / "run_info.json").read_text())
    assert notes["device"] == "cpu"
    assert notes["steps_per_second"] > 0


def test_events_are_trained_and_load_again(tmp_path: Path) -> None:
    tokens = write_event_tokens(tmp_path / "tokens")
    manifest = run(Spec.model_validate(fields(tmp_path, tokens, "masked_kinematics")))
    assert "encoding.json" in manifest.payloads
    assert load_pretrained(tmp_path / "run").config.info["n_features"] == 5


def test_equal_runs_have_equal_manifests_and_seeds_matter(tmp_path: Path) -> None:
    tokens = write_event_tokens(tmp_path / "tokens")
    digests = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        spec = fields(tmp_path / name, tokens, "masked_kinematics", steps=5)
        spec["settings"]["seed"] = seed
        digests.append(run(Spec.model_validate(spec)).payloads["objective.safetensors"].sha256)
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_events_and_tracks_do_not_mix(tmp_path: Path) -> None:
    tracks, events = write_track_tokens(tmp_path / "tracks"), write_event_tokens(tmp_path / "events")
    spec = fields(tmp_path, tracks, "mdm") | {"tokens": [tracks.as_posix(), events.as_posix()]}
    with pytest.raises(ConfigError, match=r"events holds no vocabulary\.parquet"):
        run(Spec.model_validate(spec))


def start(spec: dict[str, Any], stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, "--spec", json.dumps(spec)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=stderr)


def wait_for_states(process: subprocess.Popen[bytes], state: Path) -> None:
    """Wait until a training has saved two states."""
    deadline = time.monotonic() + 60
    while len(list(state.glob("state-*.pt"))) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    assert process.poll() is None, "the training ended before it could be stopped"


def kill_after_first_states(spec: dict[str, Any]) -> list[str]:
    """Start the stage, SIGKILL it when two states are there; return the names of the states."""
    state = Path(spec["state"])
    process = start(spec)
    wait_for_states(process, state)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return sorted(path.name for path in state.glob("state-*.pt"))


def test_killed_training_ends_in_the_same_bytes(tmp_path: Path) -> None:
    tokens = write_track_tokens(tmp_path / "tokens")
    killed = fields(tmp_path / "killed", tokens, "mdm", steps=200, validation_interval=37, optimiser="muon")
    killed["state_seconds"] = 0.05
    states = kill_after_first_states(killed)
    assert not (tmp_path / "killed" / "run" / "manifest.json").exists()
    assert 0 < int(states[-1].split("-")[2]) < 200
    resumed = run(Spec.model_validate(killed))
    notes = json.loads((tmp_path / "killed" / "run" / "run_info.json").read_text())
    assert notes["resumed_from"] == int(states[-1].split("-")[2])

    whole = fields(tmp_path / "whole", tokens, "mdm", steps=200, validation_interval=37, optimiser="muon")
    assert run(Spec.model_validate(whole)).payloads == resumed.payloads
    assert not (tmp_path / "killed" / "state").exists()


def test_terminated_training_saves_and_asks_to_be_run_again(tmp_path: Path) -> None:
    tokens = write_track_tokens(tmp_path / "tokens")
    settings = {"steps": 300, "validation_interval": 37, "ema_decay": 0.9}
    stopped = fields(tmp_path / "stopped", tokens, "mdm", **settings)
    stopped["state_seconds"] = 0.05
    process = start(stopped, stderr=subprocess.PIPE)
    wait_for_states(process, Path(stopped["state"]))
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    _, output = process.communicate(timeout=60)
    assert process.returncode == os.EX_TEMPFAIL
    told = re.search(rb"prehep: stopped by SIGTERM at step (\d+) of 300; the state is saved in .*\n\Z", output)
    assert told is not None
    assert int(sorted(Path(stopped["state"]).glob("state-*.pt"))[-1].name.split("-")[2]) == int(told[1])
    assert not (tmp_path / "stopped" / "run").exists()
    resumed = run(Spec.model_validate(stopped))
    notes = json.loads((tmp_path / "stopped" / "run" / "run_info.json").read_text())
    assert notes["resumed_from"] == int(told[1])
    whole = fields(tmp_path / "whole", tokens, "mdm", **settings)
    assert run(Spec.model_validate(whole)).payloads == resumed.payloads


def test_recoveries_are_told(tmp_path: Path) -> None:
    tokens = write_event_tokens(tmp_path / "tokens")
    settings = {"optimiser": "sgd", "gradient_clip": 1e9, "warmup_fraction": 0.0, "recoveries": 20}
    run(Spec.model_validate(fields(tmp_path, tokens, "masked_kinematics", learning_rate=8.0, **settings)))
    notes = json.loads((tmp_path / "run" / "run_info.json").read_text())
    factors = [record["learning_rate_factor"] for record in notes["recoveries"]]
    assert factors
    assert factors == [0.5 ** (number + 1) for number in range(len(factors))]
    assert set(notes["recoveries"][0]) == {"step", "back_to", "loss", "learning_rate_factor"}
    assert notes["first_step_seconds"] > 0


def test_threads_must_be_decided(tmp_path: Path) -> None:
    tokens = write_event_tokens(tmp_path / "tokens")
    with pytest.raises(ConfigError, match="threads is auto"):
        run(Spec.model_validate(fields(tmp_path, tokens, "masked_kinematics", threads="auto")))


def test_state_of_another_run_is_not_used(tmp_path: Path) -> None:
    tokens = write_track_tokens(tmp_path / "tokens")
    spec = Spec.model_validate(fields(tmp_path, tokens, "mdm", steps=5))
    StateStore(spec.state, run_identity(spec.model_copy(update={"code": {"prehep": "older"}}), spec.tokens)).save(3, {})
    run(spec)
    assert json.loads((tmp_path / "run" / "run_info.json").read_text())["resumed_from"] == 0


def test_device_is_not_part_of_the_identity(tmp_path: Path) -> None:
    tokens = write_track_tokens(tmp_path / "tokens")
    spec = Spec.model_validate(fields(tmp_path, tokens, "mdm"))
    elsewhere = spec.model_copy(update={"device": "cuda", "output": tmp_path / "b", "state": tmp_path / "c"})
    assert run_identity(elsewhere, spec.tokens) == run_identity(spec, spec.tokens)
    assert run_identity(spec, ()) != run_identity(spec, spec.tokens)
