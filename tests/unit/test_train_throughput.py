"""The speed benchmark: that all of it runs, and that the models it compares are the same."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "train_throughput.py"
WITHOUT_TRANSFORMERS = """
import importlib.util, runpy, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "transformers" else find(name, *rest)
sys.argv = [{script!r}]
sys.path.insert(0, {folder!r})
runpy.run_path({script!r}, run_name="__main__")
"""


def test_absent_transformers_is_said_in_one_sentence() -> None:
    code = WITHOUT_TRANSFORMERS.format(script=str(SCRIPT), folder=str(SCRIPT.parent))
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stderr.strip().endswith("is not installed; pip install 'prehep[benchmark]'.")
    assert "Traceback" not in found.stderr


@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="needs transformers")
def test_losses_equal_those_of_huggingface_and_only_json_is_printed() -> None:
    command = [sys.executable, str(SCRIPT), "--quick", "--json", "--only", "tracking_bert_4k", "event_d64"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(result.stdout)
    assert list(found) == ["tracking_bert_4k", "event_d64"]
    for row in found.values():
        assert row["ratio"] > 0
        assert row["precision"] in {"float32", "bfloat16"}
        assert row["loss_difference"] < 5e-5
    assert "torch" in result.stderr
