"""The training loop: it learns, resumes in the same bits, validates with fixed masks, names a bad step."""

from pathlib import Path

import numpy as np
import pytest
import torch
from training_examples import TinyData, TinyObjective

from prehep.core.config.training import TrainingSettings
from prehep.core.errors import TrainingError
from prehep.core.logging import progress
from prehep.core.seeds import derive_seed
from prehep.objectives.base import Batch
from prehep.training.device import repeatable, resolve_device
from prehep.training.loop import Trainer, fit
from prehep.training.state import StateStore

TRAIN, VALID = np.arange(160), np.arange(160, 200)


def trainer(data: TinyData | None = None, **changes: object) -> Trainer:
    settings = TrainingSettings(**{"steps": 60, "batch_size": 32, "validation_interval": 25, **changes})
    torch.manual_seed(5)
    return Trainer(TinyObjective(), data or TinyData(), TRAIN, VALID, settings, seed=3)


def run(training: Trainer, folder: Path, state_seconds: float = 1e9) -> Trainer:
    with progress("training", training.settings.steps) as counter:
        fit(training, StateStore(folder, "me"), counter, state_seconds)
    return training


def weights(training: Trainer) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in training.objective.parameters()])


def test_loss_falls(tmp_path: Path) -> None:
    training = trainer(steps=200, learning_rate=0.02, validation_interval=50)
    before = training.validate()["valid_loss_masked"]
    history = run(training, tmp_path).run.history
    assert history[-1]["valid_loss_masked"] < 0.8 * before
    assert [row["step"] for row in history] == [50, 100, 150, 200]


@pytest.mark.parametrize("optimiser", ["adamw", "sgd", "muon"])
def test_interrupted_training_ends_in_the_same_bits(tmp_path: Path, monkeypatch, optimiser: str) -> None:
    whole = run(trainer(optimiser=optimiser), tmp_path / "whole")
    step = Trainer.train_step

    def interrupted(self: Trainer) -> None:
        if self.run.step == 37:
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(Trainer, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(trainer(optimiser=optimiser), tmp_path / "killed", state_seconds=0.0)
    monkeypatch.undo()
    resumed = run(trainer(optimiser=optimiser), tmp_path / "killed")
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.run.history == whole.run.history


def test_same_seed_gives_the_same_bits_whatever_ran_before(tmp_path: Path) -> None:
    first = run(trainer(), tmp_path / "a")
    second = trainer()
    torch.manual_seed(99)
    assert torch.equal(weights(run(second, tmp_path / "b")), weights(first))


def test_validation_masks_are_the_same_at_every_call() -> None:
    training = trainer()
    first = training.validate()
    training.train_step()
    training.restore(1, trainer().content())
    assert training.validate() == first


def test_validation_gives_the_mean_over_all_terms() -> None:
    training = trainer(batch_size=1_000)
    generator = torch.Generator().manual_seed(derive_seed(3, "validation mask", 0))
    batch = training.objective.corrupt(training.data.batch(VALID), generator)
    with torch.no_grad():
        expected = training.objective.eval()(batch)
    found = training.validate()
    assert found["valid_loss_masked"] == pytest.approx(float(expected["loss_masked"]), rel=1e-6)
    assert found["valid_loss_all"] == pytest.approx(float(expected["loss_all"]), rel=1e-6)
    assert found["valid_loss_all"] != pytest.approx(found["valid_loss_masked"])


class AllHidden(TinyObjective):
    """A task in which no mask is random."""

    def corrupt(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Ask for every object and show it."""
        del generator
        hidden = torch.ones(batch["features"].shape[:2], dtype=torch.bool)
        return {**batch, "shown": batch["features"], "hidden": hidden}


def test_validation_does_not_depend_on_the_batch_size() -> None:
    found = []
    for batch_size in (7, 500):
        torch.manual_seed(1)
        settings = TrainingSettings(batch_size=batch_size)
        found.append(Trainer(AllHidden(), TinyData(), TRAIN, VALID, settings, seed=1).validate())
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_a_bad_value_stops_the_training_and_names_the_step(tmp_path: Path) -> None:
    data = TinyData()
    training = trainer(data)
    data.features[training.order(31)[0]] = np.nan
    steps = [step for step in range(60) if np.isnan(data.features[training.order(step)]).any()]
    with pytest.raises(TrainingError, match=f"at step {steps[0]},"):
        run(training, tmp_path)


def test_empty_parts_are_refused() -> None:
    with pytest.raises(TrainingError, match="0 training and 40 validation"):
        Trainer(TinyObjective(), TinyData(), TRAIN[:0], VALID, TrainingSettings(), seed=1)


def test_repeatable_restores_the_process() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    with repeatable(threads + 1):
        torch.manual_seed(1)
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.are_deterministic_algorithms_enabled()


def test_device_names() -> None:
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") in {"cpu", "cuda"}
    with pytest.raises(Exception, match="tpu"):
        resolve_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_absent_cuda_is_one_sentence() -> None:
    with pytest.raises(Exception, match="set device to auto or cpu"):
        resolve_device("cuda")


def test_bfloat16_keeps_float32_weights_and_learns_the_same(tmp_path: Path) -> None:
    half = run(trainer(precision="bfloat16", steps=100, learning_rate=0.02), tmp_path / "half")
    full = run(trainer(steps=100, learning_rate=0.02), tmp_path / "full")
    assert weights(half).dtype == torch.float32
    assert not torch.equal(weights(half), weights(full))
    assert half.run.history[-1]["valid_loss"] == pytest.approx(full.run.history[-1]["valid_loss"], rel=0.05)
