"""The benchmark of sweeps runs, finds equal fits both ways, and prints what it promises; how fast is not tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_quick_benchmark_prints_one_object() -> None:
    command = [sys.executable, ROOT / "benchmarks" / "sweep.py", "--quick", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["fits"] == 4
    assert min(found["sweep_ratio"], found["first_step_s"]) > 0
