"""A training that Snakemake runs and the scheduler's SIGTERM stops: the same call goes on to the same weights."""

from pathlib import Path

import pytest
from trainable import TrainableProject, training_process

SETTINGS = {"steps": 800, "batch_size": 64, "validation_interval": 300}


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_retried_training_goes_on_to_the_same_weights(tmp_path: Path, devices: int) -> None:
    stopped = TrainableProject(tmp_path / "stopped", SETTINGS, devices=devices)
    with stopped.running("--cores", "2", "--retries", "1") as snakemake:
        stopped.wait_for_first_step()
        training_process(snakemake).terminate()
        assert snakemake.wait(timeout=600) == 0, stopped.output
    assert "stopped by SIGTERM at step" in stopped.output
    assert stopped.run_info["resumed_from"] > 0
    assert stopped.run_info["processes"] == devices

    whole = TrainableProject(tmp_path / "whole", SETTINGS, devices=devices)
    whole.train("--cores", "2")
    assert whole.run_info["resumed_from"] == 0
    assert stopped.weights == whole.weights
    assert not (stopped.folder / "train_state").is_dir() or not any((stopped.folder / "train_state").rglob("*.pt"))
