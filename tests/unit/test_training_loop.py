"""The training loop: it learns, resumes in the same bits, validates with fixed masks, names a bad step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from track_examples import straight_tracks
from training_examples import FragileData, TinyData, TinyEncoder, TinyObjective

from prehep.core.config.network import ModelSettings
from prehep.core.config.training import ObjectiveSettings, TrainingSettings
from prehep.core.errors import ConfigError, TrainingError
from prehep.core.logging import progress
from prehep.core.seeds import derive_seed
from prehep.objectives.base import Batch
from prehep.objectives.mdm import MaskedModules
from prehep.training import distribution
from prehep.training.device import repeatable, resolve_device
from prehep.training.loop import fit
from prehep.training.sampling import BatchOrder
from prehep.training.state import StateStore
from prehep.training.static_shapes import StaticShapes
from prehep.training.trainer import Trainer

TRAIN, VALID = np.arange(160), np.arange(160, 200)


def trainer(data: TinyData | None = None, **changes: object) -> Trainer:
    settings = TrainingSettings(**{"steps": 60, "batch_size": 32, "validation_interval": 25, **changes})
    torch.manual_seed(5)
    return Trainer(TinyObjective(), data or TinyData(), TRAIN, VALID, settings, seed=3)


def run(training: Trainer, folder: Path, state_seconds: float = 1e9) -> Trainer:
    with progress("training", training.settings.steps) as counter:
        fit(training, StateStore(folder, "me"), counter, state_seconds)
    return training


def interrupt_at(monkeypatch: pytest.MonkeyPatch, moment: Callable[[Trainer], bool]) -> None:
    """Let the training be killed before a step."""
    step = Trainer.train_step

    def interrupted(self: Trainer) -> None:
        if moment(self):
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(Trainer, "train_step", interrupted)


def weights(training: Trainer) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in training.objective.parameters()])


def test_loss_falls(tmp_path: Path) -> None:
    training = trainer(steps=200, learning_rate=0.02, validation_interval=50)
    before = training.validate(training.objective)["valid_loss_masked"]
    history = run(training, tmp_path).run.history
    assert history[-1]["valid_loss_masked"] < 0.8 * before
    assert [row["step"] for row in history] == [50, 100, 150, 200]


@pytest.mark.parametrize("optimiser", ["adamw", "sgd", "muon"])
@pytest.mark.parametrize("changes", [{}, {"ema_decay": 0.9, "patience": 3}, {"batch_size": 128, "ema_decay": 0.5}])
def test_interrupted_training_ends_in_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimiser: str, changes: dict[str, Any]
) -> None:
    settings = {"optimiser": optimiser, "validation_interval": 15, **changes}
    whole = run(trainer(**settings), tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_at(patch, lambda one: one.run.step == 37)
        with pytest.raises(KeyboardInterrupt):
            run(trainer(**settings), tmp_path / "killed", state_seconds=0.0)
    resumed = run(trainer(**settings), tmp_path / "killed")
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.run == whole.run


@pytest.mark.parametrize("kill_at", [1, 99, 101, 120, 160])
def test_killed_at_any_step_it_ends_in_the_same_bits(tmp_path: Path, monkeypatch, kill_at: int) -> None:
    settings = {"steps": 165, "ema_decay": 0.9, "patience": 100, "validation_interval": 33, "learning_rate": 0.01}
    whole = run(trainer(**settings), tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_at(patch, lambda one: one.run.step == kill_at)
        with pytest.raises(KeyboardInterrupt):
            run(trainer(**settings), tmp_path / "killed", state_seconds=0.0)
    resumed = run(trainer(**settings), tmp_path / "killed")
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.run == whole.run


def test_killed_after_its_last_step_it_keeps_the_same_weights(tmp_path: Path) -> None:
    settings = {"ema_decay": 0.9, "patience": 3}
    whole = run(trainer(**settings), tmp_path)
    again = run(trainer(**settings), tmp_path)
    assert torch.equal(weights(again), weights(whole))
    assert again.run.step == whole.run.step


def test_average_is_validated_and_kept(tmp_path: Path) -> None:
    plain, averaged = run(trainer(), tmp_path / "a"), run(trainer(ema_decay=0.9), tmp_path / "b")
    assert averaged.stepper.average is not None
    kept = torch.cat([one.detach().flatten() for one in averaged.stepper.average.module.parameters()])
    assert torch.equal(weights(averaged), kept)
    assert not torch.equal(weights(plain), kept)
    assert [row["train_loss"] for row in plain.run.history] == [row["train_loss"] for row in averaged.run.history]
    assert averaged.run.history[-1]["valid_loss"] == averaged.validate(averaged.objective)["valid_loss"]
    assert averaged.run.history[-1]["valid_loss"] != plain.run.history[-1]["valid_loss"]


@pytest.mark.parametrize("ema_decay", [None, 0.5])
def test_training_without_gain_stops_and_keeps_the_best_weights(tmp_path: Path, ema_decay: float | None) -> None:
    settings = {"steps": 2_000, "learning_rate": 0.1, "validation_interval": 10, "schedule": "constant"}
    training = run(trainer(**settings, patience=4, ema_decay=ema_decay), tmp_path)
    losses = [row["valid_loss"] for row in training.run.history]
    assert training.run.step < 2_000
    assert len(losses) == losses.index(min(losses)) + 1 + 4
    assert training.run.best_step == 10 * (losses.index(min(losses)) + 1)
    assert training.validate(training.objective)["valid_loss"] == min(losses)


def test_parts_change_the_order_of_sums_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"batch_size": 128, "steps": 20, "validation_interval": 10}
    data = TinyData(most=9)
    with monkeypatch.context() as patch:
        patch.setattr(distribution, "parts_of", lambda _: 1)
        patch.setattr(TinyEncoder, "forward", without_dropout)
        whole = run(trainer(data, **settings), tmp_path / "whole")
    monkeypatch.setattr(distribution, "parts_of", lambda _: 5)
    monkeypatch.setattr(TinyEncoder, "forward", without_dropout)
    divided = run(trainer(data, **settings), tmp_path / "divided")
    assert not torch.equal(weights(divided), weights(whole))
    torch.testing.assert_close(weights(divided), weights(whole), rtol=1e-4, atol=1e-6)
    for one, other in zip(divided.run.history, whole.run.history, strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def without_dropout(encoder: TinyEncoder, features: Tensor, mask: Tensor) -> Tensor:
    """Return what the encoder returns in evaluation mode: dropout draws differ with the shapes of the parts."""
    real = mask.unsqueeze(-1)
    hidden = encoder.first(features).relu() * real
    return encoder.blocks[0](hidden + hidden.sum(1, keepdim=True) / real.sum(1, keepdim=True)) * real


class Indivisible(TinyObjective):
    """A task whose loss is no mean over entries."""

    additive = False
    seen: list[int]

    def forward(self, batch: Batch) -> Batch:
        """Remember how many entries came together."""
        self.seen.append(len(batch["lengths"]))
        return super().forward(batch)


def test_a_loss_that_is_no_mean_over_entries_is_never_divided() -> None:
    objective = Indivisible()
    objective.seen = []
    settings = TrainingSettings(batch_size=160, steps=1)
    training = Trainer(objective, TinyData(), TRAIN, VALID, settings, seed=1)
    training.train_step()
    training.validate(objective)
    assert objective.seen == [160, 40]


def test_every_setting_counts(tmp_path: Path) -> None:
    """A setting that nothing reads would be a promise that is not kept."""
    read = set()

    class Watched(TrainingSettings):
        def __getattribute__(self, name: str) -> Any:
            read.add(name)
            return super().__getattribute__(name)

    settings = Watched(steps=3, validation_interval=2)
    read.clear()
    data = FragileData(BatchOrder(TRAIN, settings.batch_size, 3)(0), times=1)
    run(Trainer(TinyObjective(), data, TRAIN, VALID, settings, seed=3), tmp_path)
    assert set(TrainingSettings.model_fields) <= read


@pytest.mark.parametrize("name", ["threads", "precision"])
def test_what_is_not_decided_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} .*auto"):
        trainer(**{name: "auto"})


def test_same_seed_gives_the_same_bits_whatever_ran_before(tmp_path: Path) -> None:
    first = run(trainer(), tmp_path / "a")
    second = trainer()
    torch.manual_seed(99)
    assert torch.equal(weights(run(second, tmp_path / "b")), weights(first))


def test_validation_masks_are_the_same_at_every_call() -> None:
    training = trainer()
    first = training.validate(training.objective)
    training.train_step()
    training.restore(trainer().content())
    assert training.validate(training.objective) == first


def test_validation_gives_the_mean_over_all_terms() -> None:
    training = trainer(batch_size=1_000)
    generator = torch.Generator().manual_seed(derive_seed(3, "validation mask", 0))
    batch = training.objective.corrupt(training.data.batch(VALID), generator)
    with torch.no_grad():
        expected = training.objective.eval()(batch)
    found = training.validate(training.objective)
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
        training = Trainer(AllHidden(), TinyData(), TRAIN, VALID, settings, seed=1)
        found.append(training.validate(training.objective))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_a_bad_value_stops_the_training_and_names_the_step(tmp_path: Path) -> None:
    data = TinyData()
    training = trainer(data)
    data.features[training.order(31)[0]] = np.nan
    steps = [step for step in range(60) if np.isnan(data.features[training.order(step)]).any()]
    with pytest.raises(TrainingError, match=f"at step {steps[0]} after 3 attempts"):
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


def test_fixed_shapes_give_the_same_steps(tmp_path: Path) -> None:
    """The path of CUDA, on the CPU: longer padding, a budget of asked places, no sub-batches."""
    found, data = [], straight_tracks()
    model = ModelSettings(width=16, layers=1, heads=2, feedforward=32, dropout=0.0)
    settings = TrainingSettings(steps=20, batch_size=128, validation_interval=20, optimiser="sgd")
    for fixed in (True, False):
        torch.manual_seed(5)
        objective = MaskedModules.build(ObjectiveSettings(name="mdm"), model, data.info)
        training = Trainer(objective, data, TRAIN, VALID, settings, seed=3)
        if fixed:
            training.static = StaticShapes(training.objective, training.data.longest)
        found.append(run(training, tmp_path / str(fixed)))
    assert found[0].static is not None
    assert found[0].static.budget % 64 == 0
    torch.testing.assert_close(weights(found[0]), weights(found[1]), rtol=1e-4, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_learns_what_the_cpu_learns(tmp_path: Path) -> None:
    found, data = [], straight_tracks()
    model = ModelSettings(width=16, layers=1, heads=2, feedforward=32, dropout=0.0)
    settings = TrainingSettings(steps=40, batch_size=64, validation_interval=20, learning_rate=0.01)
    for device in ("cuda", "cpu"):
        torch.manual_seed(5)
        objective = MaskedModules.build(ObjectiveSettings(name="mdm"), model, data.info)
        training = Trainer(objective, data, TRAIN, VALID, settings, seed=3, device=device)
        found.append(run(training, tmp_path / device).run.history[-1])
    assert found[0] == pytest.approx(found[1], rel=0.01)
