"""The pretraining stage in two processes, as torchrun starts them: who writes, and what an interruption costs."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from test_pretrain_model import fields
from token_folders import write_event_tokens, write_track_tokens
from torch import Tensor, allclose

from prehep.stages.pretrain_model import Spec, run
from prehep.workflow.launching import training_command

PROGRAM = """
import json, os, sys
from prehep.stages import command, pretrain_model

def refuse(event, arguments):
    "Fail where the second process writes anything but its log."
    path, folder = str(arguments[0]) if arguments else "", os.environ["FOLDER"]
    changes = event in {"os.mkdir", "os.remove", "os.rename", "os.rmdir"}
    changes |= event == "open" and isinstance(arguments[1], str) and bool(set("wax+") & set(arguments[1]))
    if changes and path.startswith(f"{folder}/") and not path.endswith(".log"):
        raise RuntimeError(f"{event} of {path}")

if os.environ.get("RANK") == "1":
    sys.addaudithook(refuse)
sys.exit(command.main(pretrain_model.Spec, pretrain_model.run))
"""


def start(spec: dict[str, Any], folder: Path) -> subprocess.Popen[str]:
    """Start the stage in two processes, with a log."""
    script = folder / "stage.py"
    script.write_text(PROGRAM)
    launch = training_command(sys.executable, 2, {})
    command = (*shlex.split(launch), str(script), "--spec", json.dumps(spec), "--log", str(folder / "stage.log"))
    environment = {**os.environ, "FOLDER": str(folder)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the stage and return what it wrote to standard error."""
    _, written = process.communicate(timeout=300)
    assert process.returncode == 0, written
    return written


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "run" / "objective.safetensors")


def spec_of(folder: Path, tokens: Path, objective: str, **training: Any) -> dict[str, Any]:
    folder.mkdir()
    spec = fields(folder, tokens, objective, **training)
    # which units fall out depends on the number of processes
    spec["settings"]["model"] = {**spec["settings"]["model"], "dropout": 0.0}
    return spec


@pytest.mark.parametrize("objective", ["mdm", pytest.param("masked_kinematics", marks=pytest.mark.slow)])
def test_shared_training_ends_near_that_of_one_process(tmp_path: Path, objective: str) -> None:
    write = write_track_tokens if objective == "mdm" else write_event_tokens
    tokens = write(tmp_path / "tokens")
    spec = spec_of(tmp_path / "shared", tokens, objective, batch_size=33)
    finish(start(spec, tmp_path / "shared"))
    alone = spec_of(tmp_path / "alone", tokens, objective, batch_size=33)
    run(Spec.model_validate(alone))
    expected = weights(tmp_path / "alone")
    found = weights(tmp_path / "shared")
    assert all(allclose(found[name], expected[name], rtol=0, atol=1e-3) for name in expected)
    notes = json.loads((tmp_path / "shared" / "run" / "run_info.json").read_text())
    assert notes["processes"] == 2
    assert not (tmp_path / "shared" / "state").exists()
    # each process keeps a log of its own
    logs = {path.name: path.read_text() for path in (tmp_path / "shared").glob("*.log")}
    assert set(logs) == {"stage.log", "stage.1.log"}
    assert all("wrote" in text for text in logs.values())


def stop_after_first_state(process: subprocess.Popen[str], state: Path) -> str:
    """Send SIGTERM to the launcher once a state is there; return what was written to standard error."""
    deadline = time.monotonic() + 120
    while not list(state.glob("state-*.pt")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, "the training ended before it could be stopped"
    process.send_signal(signal.SIGTERM)
    _, written = process.communicate(timeout=60)
    assert process.returncode != 0
    return written


def test_stopped_training_continues_to_the_same_bytes(tmp_path: Path) -> None:
    tokens = write_track_tokens(tmp_path / "tokens")
    settings = {"steps": 150, "validation_interval": 40, "optimiser": "muon"}
    stopped = spec_of(tmp_path / "stopped", tokens, "mdm", **settings) | {"state_seconds": 0.2}
    written = stop_after_first_state(start(stopped, tmp_path / "stopped"), tmp_path / "stopped" / "state")
    steps = re.findall(r"stopped by SIGTERM at step (\d+) of 150", written)
    assert len(steps) == 2, written
    assert steps[0] == steps[1]
    states = sorted(path.name for path in (tmp_path / "stopped" / "state").iterdir())
    assert int(states[-1].split("-")[2]) == int(steps[0])
    assert not (tmp_path / "stopped" / "run" / "manifest.json").exists()
    finish(start(stopped, tmp_path / "stopped"))
    notes = json.loads((tmp_path / "stopped" / "run" / "run_info.json").read_text())
    assert notes["resumed_from"] == int(steps[0])

    whole = spec_of(tmp_path / "whole", tokens, "mdm", **settings)
    finish(start(whole, tmp_path / "whole"))
    files = [tmp_path / name / "run" / "objective.safetensors" for name in ("stopped", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()
