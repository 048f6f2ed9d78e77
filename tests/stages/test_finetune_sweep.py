"""The fine-tuning stage: its tables, points that are computed once, refusal of what does not fit."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from token_folders import write_event_tokens
from torch import nn

from prehep.core.errors import ConfigError
from prehep.core.manifest import load_payload
from prehep.objectives.registry import OBJECTIVES
from prehep.stages import finetune_points, pretrain_model
from prehep.stages.finetune_sweep import Spec, run
from prehep.training.fit_store import FitKey, FitStore
from prehep.workflow.parts import ENCODER_LOADER, READERS

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
        "points": (folder / "points").as_posix(),
    }


@pytest.fixture
def processes(tmp_path: Path) -> list[Path]:
    signal = write_event_tokens(tmp_path / "signal", seed=1, shift=60.0)
    return [signal, write_event_tokens(tmp_path / "background", seed=2)]


def pretrain(folder: Path, tokens: Path, model: dict[str, Any] | None = None) -> Path:
    spec = {
        "name": "test",
        "tokens": [tokens],
        "reader": READERS["events"],
        "objective": OBJECTIVES["masked_kinematics"],
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


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[FitKey]:
    """Return the keys of the fits that were done, in order."""
    save, done = FitStore.save, []
    monkeypatch.setattr(FitStore, "save", lambda self, key, fit: done.append(key) or save(self, key, fit))
    return done


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
    fit_classifier = finetune_points.fit_classifier
    monkeypatch.setattr(finetune_points, "fit_classifier", lambda *a, **k: fits.append(1) or fit_classifier(*a, **k))
    assert run(spec).payloads == whole.payloads
    assert len(fits) == 2 * (2 + 1) - 3


@pytest.mark.parametrize("model", ["scratch_tuned", "pretrained"])
def test_grown_grid_computes_the_new_points_only(
    tmp_path: Path, processes: list[Path], computed: list[FitKey], model: str
) -> None:
    spec = fields(tmp_path, processes, {"kind": "processes"}, pretrained=model == "pretrained") | {"model": model}
    if model == "pretrained":
        spec |= {"pretrained": pretrain(tmp_path / "pretrained", processes[1]), "loader": ENCODER_LOADER}
    first = run(Spec.model_validate(spec))
    assert len(computed) == 2 * (2 + 1)
    computed.clear()
    grown = spec | {"task": spec["task"] | {"n_labels": [10, 20, 40], "seeds": [1, 2, 3]}}
    found = run(Spec.model_validate(grown))
    assert len(computed) == (2 + 2) + 2
    assert all(key.n_labels == 10 or key.seed == 3 for key in computed)
    notes = json.loads((tmp_path / "run" / "run_info.json").read_text())
    assert (notes["fits_computed"], notes["fits_kept"]) == (6, 6)
    computed.clear()
    assert run(Spec.model_validate(spec)) == first, "back to the first grid"
    assert not computed
    elsewhere = {"output": tmp_path / "scratch", "points": tmp_path / "empty"}
    assert run(Spec.model_validate(grown | elsewhere)).payloads == found.payloads
    assert len(computed) == 3 * (2 + 2)


def test_new_learning_rate_computes_its_points_only(
    tmp_path: Path, processes: list[Path], computed: list[FitKey]
) -> None:
    spec = fields(tmp_path, processes, {"kind": "processes"})
    run(Spec.model_validate(spec))
    computed.clear()
    spec["settings"] |= {"learning_rates": [0.001, 1e-07, 0.01]}
    found = run(Spec.model_validate(spec))
    assert computed == [FitKey(20, 1, 1e-07), FitKey(40, 1, 1e-07)]
    elsewhere = {"output": tmp_path / "scratch", "points": tmp_path / "empty"}
    assert run(Spec.model_validate(spec | elsewhere)).payloads == found.payloads


def test_what_decides_a_point_computes_all_and_its_revert_none(
    tmp_path: Path, processes: list[Path], computed: list[FitKey]
) -> None:
    spec = fields(tmp_path, processes, {"kind": "processes"})
    first = run(Spec.model_validate(spec))
    edits: list[dict[str, Any]] = [
        {"settings": spec["settings"] | {"steps": 41}},
        {"task": spec["task"] | {"validation_per_class_max": 15}},
        {"architecture": MODEL | {"heads": 1}},
        {"code": {"prehep.training.classification": "0" * 16}},
    ]
    for edit in edits:
        computed.clear()
        run(Spec.model_validate(spec | edit))
        assert len(computed) == 6, edit
    computed.clear()
    write_event_tokens(processes[0], seed=3, shift=60.0)
    run(Spec.model_validate(spec))
    assert len(computed) == 6, "an input has another content"
    computed.clear()
    write_event_tokens(processes[0], seed=1, shift=60.0)
    assert run(Spec.model_validate(spec)) == first
    assert not computed


def test_damaged_point_is_computed_again(tmp_path: Path, processes: list[Path], computed: list[FitKey]) -> None:
    spec = Spec.model_validate(fields(tmp_path, processes, {"kind": "processes"}))
    first = run(spec)
    computed.clear()
    (point,) = tmp_path.glob("points/scratch_tuned-*/fit-20-1-0.001.json")
    text = point.read_text()
    assert '"auc":0.' in text
    point.write_text(text.replace('"auc":0.', '"auc":1.', 1))
    assert run(spec) == first
    assert computed == [FitKey(20, 1, 0.001)]


@pytest.mark.parametrize("policy", ["full", "layer_decay", "linear_probe"])
@pytest.mark.parametrize("changes", [{}, {"symmetries": False, "mixup": 0.5, "dropout": 0.2, "head_dropout": 0.1}])
def test_points_keep_their_bits_whatever_was_fitted_before(
    tmp_path: Path, processes: list[Path], policy: str, changes: dict[str, Any]
) -> None:
    spec = fields(tmp_path, processes, {"kind": "processes"}, policy=policy, pretrained=True, **changes)
    spec |= {"pretrained": pretrain(tmp_path / "pretrained", processes[1]), "loader": ENCODER_LOADER}
    fitter = finetune_points.PointFitter(Spec.model_validate(spec))
    keys = [FitKey(20, 1, 0.01), FitKey(40, 2, 0.01), FitKey(20, 1, 0.01)]
    first, other, again = (fitter(key) for key in keys)
    assert first == again
    assert first.curve != other.curve


def test_dropout_of_the_encoder_may_differ_from_its_pretraining(tmp_path: Path, processes: list[Path]) -> None:
    spec = fields(tmp_path, processes, {"kind": "processes"}, dropout=0.25, head_dropout=0.5, pretrained=True)
    spec |= {"pretrained": pretrain(tmp_path / "pretrained", processes[1]), "loader": ENCODER_LOADER}
    classifier = finetune_points.PointFitter(Spec.model_validate(spec)).make_classifier()
    assert classifier.dropout.p == 0.5
    assert {part.p for part in classifier.encoder.modules() if isinstance(part, nn.Dropout)} == {0.25}


def test_pretrained_weights_are_used(tmp_path: Path, processes: list[Path]) -> None:
    folder = pretrain(tmp_path / "pretrained", processes[1])
    spec = fields(tmp_path, processes, {"kind": "processes"}, pretrained=True)
    started = run(Spec.model_validate(spec | {"pretrained": folder, "loader": ENCODER_LOADER}))
    scratch = fields(tmp_path / "scratch", processes, {"kind": "processes"})
    assert folder.as_posix() in started.inputs
    assert run(Spec.model_validate(scratch)).payloads["scores.csv"] != started.payloads["scores.csv"]


def test_what_does_not_fit_is_refused(tmp_path: Path, processes: list[Path]) -> None:
    spec = fields(tmp_path, processes, {"kind": "processes"}, pretrained=True)
    with pytest.raises(ConfigError, match="give all or none"):
        run(Spec.model_validate(spec))
    folder = pretrain(tmp_path / "pretrained", processes[1], MODEL | {"layers": 2})
    with pytest.raises(ConfigError, match=r"was trained with layers 2 \(expected 1\)"):
        run(Spec.model_validate(spec | {"pretrained": folder, "loader": ENCODER_LOADER}))
    assert not (tmp_path / "run" / "manifest.json").exists()
