"""A data set larger than memory trains: a child process whose memory is limited runs the whole stage."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from large_tokens import write_large_events, write_large_tracks

from prehep.objectives.registry import OBJECTIVES
from prehep.workflow.parts import READERS

# beyond what the training of the first, small tokens has taken
ALLOWED_BYTES = 100 << 20
PROGRAM = """
import json, resource, sys
from pathlib import Path
from prehep.stages.pretrain_model import Spec, run

small, joined = (Spec.model_validate(fields) for fields in json.loads(sys.argv[1]))
run(small)
status = Path("/proc/self/status").read_text()
taken = 1024 * int(next(line for line in status.splitlines() if line.startswith("VmData")).split()[1])
limit = taken + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
run(joined)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that is removed at once: pytest would keep the files of three sessions."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
@pytest.mark.parametrize("kind", ["events", "tracks"])
def test_tokens_larger_than_memory_are_trained(folder: Path, kind: str) -> None:
    write, entries, objective, arrays = {
        "events": (write_large_events, 250_000, "masked_kinematics", ("features", "kinematics")),
        "tracks": (write_large_tracks, 500_000, "mdm", ("tokens",)),
    }[kind]
    small, large = write(folder / "small", 500), write(folder / "large", entries)
    for name in arrays:
        assert (large / f"{name}.npy").stat().st_size > 1.8 * ALLOWED_BYTES
    training = {"steps": 3, "batch_size": 16, "validation_interval": 3, "validation_entries": 32}
    model = {"width": 8, "layers": 1, "heads": 1, "feedforward": 8}
    specs = [
        {
            "name": name,
            "tokens": [path.as_posix() for path in tokens],
            "reader": READERS[kind],
            "objective": OBJECTIVES[objective],
            "settings": {"objective": {"name": objective}, "model": model, "training": training},
            "device": "cpu",
            "output": (folder / f"run-{name}").as_posix(),
            "state": (folder / f"state-{name}").as_posix(),
        }
        for name, tokens in (("small", [small]), ("joined", [small, large]))
    ]
    arguments = [sys.executable, "-c", PROGRAM, json.dumps(specs), str(ALLOWED_BYTES)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "run-joined" / "manifest.json").is_file()
