"""Training states: atomic, two generations, of one run, no pickles."""

import logging
from pathlib import Path

import pytest
import torch

from prehep.training.state import StateStore


def content(value: float) -> dict[str, object]:
    return {"weights": torch.full((3,), value), "history": [{"step": 1, "loss": 0.5}]}


def test_round_trip(tmp_path: Path) -> None:
    StateStore(tmp_path / "run", "me").save(7, content(1.5))
    step, loaded = StateStore(tmp_path / "run", "me").load() or (0, {})
    assert step == 7
    torch.testing.assert_close(loaded["weights"], torch.full((3,), 1.5))
    assert loaded["history"] == [{"step": 1, "loss": 0.5}]


def test_two_generations_are_kept(tmp_path: Path) -> None:
    store = StateStore(tmp_path, "me")
    paths = [store.save(step, content(step)) for step in (1, 2, 10)]
    assert sorted(tmp_path.iterdir()) == paths[1:]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-10], lambda data: data[:0], lambda data: data[:99] + b"?" + data[100:]]
)
def test_damaged_newest_state_falls_back_with_a_warning(tmp_path: Path, damage, caplog) -> None:
    store = StateStore(tmp_path, "me")
    store.save(1, content(1))
    newest = store.save(2, content(2))
    newest.write_bytes(damage(newest.read_bytes()))
    with caplog.at_level(logging.WARNING, logger="prehep"):
        step, _ = store.load() or (0, {})
    assert step == 1
    assert newest.name in caplog.text


def test_state_of_another_run_is_wiped(tmp_path: Path) -> None:
    StateStore(tmp_path / "run", "other").save(3, content(1))
    assert StateStore(tmp_path / "run", "me").load() is None
    assert not (tmp_path / "run").exists()


def test_nothing_to_load(tmp_path: Path) -> None:
    assert StateStore(tmp_path / "absent", "me").load() is None


def test_partial_files_of_a_killed_writer_are_ignored(tmp_path: Path) -> None:
    store = StateStore(tmp_path, "me")
    store.save(1, content(1))
    (tmp_path / ".state-000000002-0123456789abcdef.pt.xyz.partial").write_bytes(b"half")
    assert (store.load() or (0, {}))[0] == 1


def test_a_pickled_object_is_refused(tmp_path: Path) -> None:
    path = StateStore(tmp_path, "me").save(1, {"object": Path("x")})
    assert path.is_file()
    assert StateStore(tmp_path, "me").load() is None
