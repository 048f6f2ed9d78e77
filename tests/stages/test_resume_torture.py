"""The benchmark that kills trainings and writers of states, with few kills."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "resume_torture.py"


def torture(*options: str) -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT), "--json", *options]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def test_killed_writers_leave_readable_states() -> None:
    found = torture("--kills", "0", "--writer-kills", "8")
    assert found["unreadable"] == 0
    assert found["writer_kills"] == 8
    assert found["states_written"] > 0


@pytest.mark.slow
def test_killed_training_ends_in_the_same_bits() -> None:
    found = torture("--kills", "3", "--writer-kills", "0", "--steps", "150")
    assert found["bit_equal"]
    assert found["kills"] == 3
    assert found["resumed_from"] >= found["states_at_kills"][-1] > found["states_at_kills"][0]
