"""Training states: atomic, two generations, of one run, no pickles."""

import hashlib
import io
import logging
import pickle
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


def test_partial_files_of_a_killed_writer_are_ignored_and_removed(tmp_path: Path) -> None:
    store = StateStore(tmp_path, "me")
    path = store.save(1, content(1))
    (tmp_path / f".{path.name}.xyz.partial").write_bytes(b"half")
    assert (store.load() or (0, {}))[0] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_newest_is_the_last_written_not_the_highest_step(tmp_path: Path) -> None:
    store = StateStore(tmp_path, "me")
    for step in (100, 180, 120):
        store.save(step, content(step))
    assert (store.load() or (0, {}))[0] == 120
    (tmp_path / store._files()[0]).write_bytes(b"damaged")
    assert (store.load() or (0, {}))[0] == 180


def test_writer_killed_before_it_removed_the_oldest(tmp_path: Path) -> None:
    store = StateStore(tmp_path, "me")
    oldest = store.save(1, content(1))
    data = oldest.read_bytes()
    store.save(2, content(2))
    store.save(3, content(3))
    oldest.write_bytes(data)
    assert (store.load() or (0, {}))[0] == 3
    newest = store.save(4, content(4))
    assert store._files()[0] == newest
    assert len(store._files()) == 2


def test_a_damaged_state_is_no_generation(tmp_path: Path) -> None:
    store = StateStore(tmp_path, "me")
    store.save(1, content(1))
    store.save(2, content(2)).write_bytes(b"")
    assert (store.load() or (0, {}))[0] == 1
    store.save(3, content(3)).write_bytes(b"")
    assert (store.load() or (0, {}))[0] == 1


def test_all_damaged_is_a_new_start(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "run", "me")
    for step in (1, 2):
        store.save(step, content(step))
    for path in store._files():
        path.write_bytes(b"")
    assert store.load() is None
    assert not (tmp_path / "run").exists()


class Malicious:
    """Unpacked by an ordinary unpickler, it would write a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.trace,)


def forge(folder: Path, data: bytes) -> Path:
    """Write a state whose name fits its bytes."""
    folder.mkdir(exist_ok=True)
    path = folder / f"state-{9:09d}-{9:09d}-{hashlib.sha256(data).hexdigest()[:16]}.pt"
    path.write_bytes(data)
    return path


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_nothing_in_a_malicious_state_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trace, store = tmp_path / "trace", StateStore(tmp_path / "run", "me")
    state = {"identity": "me", "step": 9, "content": Malicious(trace)}
    for data in (pickle.dumps(state), saved(state)):
        store.save(1, content(1))
        forge(store.folder, data)
        with caplog.at_level(logging.WARNING, logger="prehep"):
            assert (store.load() or (0, {}))[0] == 1
        assert "unsafe" in caplog.text
        assert not trace.exists()
    pickle.loads(pickle.dumps(state))
    assert trace.exists()


@pytest.mark.parametrize("data", [b"", b"text", saved([1, 2]), saved({"identity": "me"})])
def test_what_is_no_state_is_skipped(tmp_path: Path, data: bytes) -> None:
    store = StateStore(tmp_path, "me")
    store.save(1, content(1))
    forge(tmp_path, data)
    assert (store.load() or (0, {}))[0] == 1


def test_a_pickled_object_is_refused(tmp_path: Path) -> None:
    path = StateStore(tmp_path, "me").save(1, {"object": Path("x")})
    assert path.is_file()
    assert StateStore(tmp_path, "me").load() is None
