"""The fine-tuning stage: its tables, continuation after a kill, refusal of what does not fit."""

import csv
from pathlib import Path
from typing import Any

import pytest
from token_folders import write_event_tokens

from prehep.core.errors import ConfigError
from prehep.core.manifest import load_payload
from prehep.stages import finetune_sweep, pretrain_model
from prehep.stages.finetune_sweep import Spec, run
from prehep.training.sweep import FitStore

MODEL = {"width": 16, "layers": 1, "heads": 2, "feedforward": 32}


def fields(folder: Path, tokens: list[Path], task: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {
        "model": "scratch_tuned",
        "tokens": [path.as_posix() for path in tokens],
        "task": {"n_labels": [20, 40], "seeds": [1, 2], "test_per_class_max": 50, **task},
        "settings": {"steps": 40, "validation_interval": 10, "learning_rates": [0.001, 0.01], **settings},
        "architecture": MODEL,
        "device": "cpu",
        "output": (folder / "run").as_posix(),
        "state": (folder / "state").as_posix(),
    }


@pytest.fixture
def processes(tmp_path: Path) -> list[Path]:
    signal = write_event_tokens(tmp_path / "signal", seed=1, shift=60.0)
    return [signal, write_event_tokens(tmp_path / "background", seed=2)]


def pretrain(folder: Path, tokens: Path, model: dict[str, Any] | None = None) -> Path:
    spec = {
        "name": "test",
        "tokens": [tokens],
        "settings": {
            "objective": {"name": "masked_kinematics"},
            "model": model or MODEL,
            "training": {"steps": 3, "batch_size": 32},
        },
        "device": "cpu",
        "output": folder,
        "state": folder.with_name("pretrain_state"),
    }
    pretrain_model.run(pretrain_model.Spec.model_validate(spec))
    return folder


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with load_payload(folder, name).open() as stream:
        return list(csv.DictReader(stream))


def test_tables(tmp_path: Path, processes: list[Path]) -> None:
    run(Spec.model_validate(fields(tmp_path, processes, {"kind": "processes"}, steps=80, learning_rates=[0.01])))
    scores = rows(tmp_path / "run", "scores.csv")
    assert [(row["n_labels"], row["seed"]) for row in scores] == [("20", "1"), ("20", "2"), ("40", "1"), ("40", "2")]
    assert list(scores[0]) == ["model", "n_labels", "seed", "auc", "valid_auc", "learning_rate", "steps"]
    assert all(float(row["auc"]) > 0.8 for row in scores)
    curves = rows(tmp_path / "run", "curves.csv")
    assert list(curves[0]) == ["model", "n_labels", "seed", "learning_rate", "step", "train_loss", "valid_auc"]
    assert not (tmp_path / "state").exists()


def test_z_window_uses_one_folder(tmp_path: Path) -> None:
    tokens = [write_event_tokens(tmp_path / "muons", events=2_000)]
    run(
        Spec.model_validate(
            fields(tmp_path, tokens, {"kind": "z_window", "masses_as_features": False}, learning_rates=[0.001])
        )
    )
    assert {row["learning_rate"] for row in rows(tmp_path / "run", "scores.csv")} == {"0.001"}
    with pytest.raises(ConfigError, match="needs 1 tokens folders, found 2"):
        run(Spec.model_validate(fields(tmp_path, tokens * 2, {"kind": "z_window", "masses_as_features": False})))


def test_killed_sweep_continues_and_writes_the_same(
    tmp_path: Path, processes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(Spec.model_validate(fields(tmp_path / "whole", processes, {"kind": "processes"})))
    save, done = FitStore.save, []

    def killed(self: FitStore, key: Any, fit: Any) -> None:
        save(self, key, fit)
        done.append(key)
        if len(done) == 3:
            raise KeyboardInterrupt

    spec = Spec.model_validate(fields(tmp_path / "killed", processes, {"kind": "processes"}))
    monkeypatch.setattr(FitStore, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        run(spec)
    monkeypatch.undo()
    fits = []
    fit_classifier = finetune_sweep.fit_classifier
    monkeypatch.setattr(finetune_sweep, "fit_classifier", lambda *a, **k: fits.append(1) or fit_classifier(*a, **k))
    assert run(spec).payloads == whole.payloads
    assert len(fits) == 2 * (2 + 1) - 3


def test_pretrained_weights_are_used(tmp_path: Path, processes: list[Path]) -> None:
    folder = pretrain(tmp_path / "pretrained", processes[1])
    spec = fields(tmp_path, processes, {"kind": "processes"}, pretrained=True)
    started = run(Spec.model_validate(spec | {"pretrained": folder}))
    scratch = fields(tmp_path / "scratch", processes, {"kind": "processes"})
    assert folder.as_posix() in started.inputs
    assert run(Spec.model_validate(scratch)).payloads["scores.csv"] != started.payloads["scores.csv"]


def test_what_does_not_fit_is_refused(tmp_path: Path, processes: list[Path]) -> None:
    spec = fields(tmp_path, processes, {"kind": "processes"}, pretrained=True)
    with pytest.raises(ConfigError, match="give both or neither"):
        run(Spec.model_validate(spec))
    folder = pretrain(tmp_path / "pretrained", processes[1], MODEL | {"layers": 2})
    with pytest.raises(ConfigError, match=r"was trained with layers 2 \(expected 1\)"):
        run(Spec.model_validate(spec | {"pretrained": folder}))
    assert not (tmp_path / "run" / "manifest.json").exists()
