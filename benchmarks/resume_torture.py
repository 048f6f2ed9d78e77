"""A training that is killed again and again, and a writer of states that is killed while it writes.

The training: the stage pretrain_model as its rule runs it, killed with SIGKILL at random moments spread over all its
steps and started again with the same command each time; its files must be those of an uninterrupted one, bit for bit.
The writer: saves states as fast as it can until it is killed; after each kill the newest state that was acknowledged,
or a later one, must be readable. `python benchmarks/resume_torture.py --kills 20 --json`.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from prehep.core.config.training import PretrainSettings
from prehep.core.manifest import RUN_INFO, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.objectives.registry import OBJECTIVES
from prehep.training.state import StateStore
from prehep.workflow.parts import READERS

SCRIPT = Path(__file__).parents[1] / "workflow_scripts" / "pretrain_model.py"
MODULES, TRACKS = 2_000, 4_000
STATE_SECONDS, LONGEST_WAIT, LONGEST_START = 0.3, 0.6, 6.0
STATE_NUMBERS = 500_000
SETTINGS: dict[str, Any] = {
    "objective": {"name": "mdm"},
    "model": {"width": 64, "layers": 2, "heads": 4, "feedforward": 128, "dropout": 0.1},
    "training": {"batch_size": 128, "validation_interval": 110, "ema_decay": 0.99, "patience": 1_000},
}


def main() -> None:
    """Kill and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--kills", type=int, default=20, help="kills of the training; 0 = only the writer")
    parser.add_argument("--writer-kills", type=int, default=200, help="kills of the writer of states")
    parser.add_argument("--steps", type=int, default=1_500, help="steps of the training")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    given = parser.parse_args()
    moments = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        found = torture_writer(Path(scratch) / "states", given.writer_kills, moments)
        if given.kills:
            found |= torture_training(Path(scratch), given.kills, given.steps, moments)
    found["machine"] = machine()
    lines = [f"{name:20} {value}" for name, value in found.items()]
    sys.stdout.write((json.dumps(found) if given.json else "\n".join(lines)) + "\n")


def machine() -> dict[str, Any]:
    """Return where it ran."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    return {"platform": platform.platform(), "processors": os.cpu_count(), **versions}


def torture_training(folder: Path, kills: int, steps: int, moments: random.Random) -> dict[str, Any]:
    """Return how often a training was killed, where it continued, and whether it ended in the same bits.

    Args:
        folder: for tokens and runs.
        kills: how often; each in its own share of the steps, at a random one.
        steps: of the training.
        moments: source of the moments.
    """
    tokens = write_tracks(folder / "tokens")
    whole, killed = (specification(folder / name, tokens, steps) for name in ("whole", "killed"))
    seconds = -time.perf_counter()
    finish(whole)
    seconds += time.perf_counter()
    at = [int(steps * 0.95 * (share + moments.random()) / max(1, kills)) for share in range(kills)]
    # every fourth while it starts, reads its state or does its first steps
    continued = [kill_after(killed, step if number % 4 else -1, moments) for number, step in enumerate(at, start=1)]
    finish(killed)
    files = [read_manifest(Path(spec["output"])).payloads for spec in (whole, killed)]
    notes = json.loads((Path(killed["output"]) / RUN_INFO).read_text(encoding="utf-8"))
    return {
        "kills": len(continued),
        "bit_equal": files[0] == files[1],
        "steps": steps,
        "states_at_kills": continued,
        "resumed_from": notes["resumed_from"],
        "uninterrupted_s": round(seconds, 1),
    }


def kill_after(spec: Mapping[str, Any], step: int, moments: random.Random) -> int:
    """Start a training, kill it a random moment after a state of `step` or more is there; return the step of the state.

    A negative step is there at once, so the moment is one of the start.

    Raises:
        SystemExit: the training ended before it could be killed.
    """
    process = start(spec)
    while process.poll() is None and newest_step(spec) < step:
        time.sleep(0.01)
    time.sleep(moments.uniform(0, LONGEST_WAIT if step >= 0 else LONGEST_START))
    if process.poll() is not None:
        raise SystemExit(f"the training ended with {process.returncode} before it was killed; give it more --steps")
    process.kill()
    process.wait()
    return newest_step(spec)


def newest_step(spec: Mapping[str, Any]) -> int:
    """Return the step of the newest state of a training, -1 where there is none."""
    names = sorted(path.name for path in Path(spec["state"]).glob("state-*.pt"))
    return int(names[-1].split("-")[2]) if names else -1


def specification(folder: Path, tokens: Path, steps: int) -> dict[str, Any]:
    """Return what pretrain_model shall do."""
    settings = PretrainSettings.model_validate({**SETTINGS, "training": {**SETTINGS["training"], "steps": steps}})
    return {
        "name": "torture",
        "tokens": [tokens.as_posix()],
        "reader": READERS["tracks"],
        "objective": OBJECTIVES["mdm"],
        "settings": settings.model_dump(mode="json"),
        "output": (folder / "run").as_posix(),
        "state": (folder / "state").as_posix(),
        "state_seconds": STATE_SECONDS,
        "device": "cpu",
    }


def start(spec: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Start the stage in a process of its own; what it says goes nowhere."""
    command = [sys.executable, str(SCRIPT), "--spec", json.dumps(spec)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)


def finish(spec: Mapping[str, Any]) -> None:
    """Run the stage to its end.

    Raises:
        SystemExit: it failed.
    """
    if code := start(spec).wait():
        raise SystemExit(f"pretrain_model ended with {code}")


def torture_writer(folder: Path, kills: int, moments: random.Random) -> dict[str, Any]:
    """Return how often a writer of states was killed, and how often what it left was unreadable or too old."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["prehep.training.state"])
    unreadable = states = 0
    for _ in range(kills):
        told, tell = context.Pipe(duplex=False)
        process = context.Process(target=write_states, args=(folder, tell))
        process.start()
        tell.close()
        # the first word comes when the process is ready; where in its work the kill falls is left to chance
        acknowledged = [told.recv()]
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        process.join()
        acknowledged += drain(told)
        states += len(acknowledged) - 1
        unreadable += not is_intact(folder, acknowledged[-1])
    return {"writer_kills": kills, "unreadable": unreadable, "states_written": states}


def write_states(folder: Path, tell: Connection) -> None:
    """Write states for ever, each full of its own step, and tell the step when it is written."""
    store = StateStore(folder, "torture")
    saved = store.load()
    step = saved[0] if saved else 0
    tell.send(step)
    while True:
        step += 1
        store.save(step, {"weights": torch.full((STATE_NUMBERS,), float(step))})
        tell.send(step)


def drain(told: Connection) -> list[int]:
    """Return what a killed process had told before it was killed."""
    found = []
    try:
        while told.poll():
            found.append(told.recv())
    except EOFError:
        pass
    return found


def is_intact(folder: Path, acknowledged: int) -> bool:
    """Tell whether the newest state is whole, and not older than the last one that was acknowledged."""
    saved = StateStore(folder, "torture").load()
    if saved is None:
        return acknowledged == 0
    step, content = saved
    return step >= acknowledged and bool((content["weights"] == float(step)).all())


def write_tracks(folder: Path) -> Path:
    """Write tokens of random tracks, in which a module is followed by one of its neighbours."""
    stream = np.random.default_rng(0)
    lengths = stream.integers(8, 21, TRACKS)
    starts = np.repeat(stream.integers(5, MODULES - 60, TRACKS), lengths)
    place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places = {name: np.r_[[0.0] * 5, stream.normal(0, 100, MODULES)] for name in ("cx", "cy", "cz")}
    numbers = {name: np.r_[[-1] * 5, np.arange(MODULES)].astype(np.int32) for name in ("volume", "layer", "module")}
    with publish(folder, StageSpec(output=folder), stage="tokenize_tracks") as publication:
        tokens = starts + 3 * place + stream.integers(0, 3, len(place))
        np.save(publication.payload("tokens.npy"), tokens.astype(np.int32))
        np.save(publication.payload("offsets.npy"), np.r_[0, np.cumsum(lengths)].astype(np.int64))
        np.save(publication.payload("split.npy"), stream.choice(3, TRACKS, p=[0.6, 0.2, 0.2]).astype(np.uint8))
        table = pd.DataFrame({"token": np.arange(MODULES + 5, dtype=np.int32), **numbers, **places})
        table.to_parquet(publication.payload("vocabulary.parquet"))
    return folder


if __name__ == "__main__":
    main()
