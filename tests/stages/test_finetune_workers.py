"""Fine-tuning in workers: the same bytes, nothing lost when a process dies, and none that outlives the sweep."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from test_finetune_sweep import MODEL, fields, pretrain
from token_folders import write_event_tokens

from prehep.core.errors import CodeError, ConfigError
from prehep.stages.finetune_sweep import Spec, run
from prehep.workflow.parts import ENCODER_LOADER

PROGRAM = """
import sys
from prehep.stages import command, finetune_sweep
if __name__ == "__main__":
    sys.exit(command.main(finetune_sweep.Spec, finetune_sweep.run))
"""
FITS = 2 * (2 + 3 - 1)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("tokens")
    signal_tokens = write_event_tokens(folder / "signal", seed=1, shift=60.0)
    return [signal_tokens, write_event_tokens(folder / "background", seed=2)]


@pytest.fixture(scope="module")
def whole(processes: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the manifest of the sweep that was done in one process without interruption."""
    return run(Spec.model_validate(sweep(tmp_path_factory.mktemp("whole"), processes)))


def sweep(folder: Path, tokens: list[Path], **settings: Any) -> dict[str, Any]:
    return fields(folder, tokens, {"kind": "processes", "seeds": [1, 2, 3]}, **{"steps": 250, **settings})


def kept(folder: Path) -> dict[str, int]:
    """Return name and time of change of every finished fit."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("points/*/fit-*.json")}


class Sweep:
    """A sweep on two workers in a process of its own, and every process that it started."""

    def __init__(self, folder: Path, tokens: list[Path]) -> None:
        self.folder = folder
        script = folder / "sweep.py"
        script.write_text(PROGRAM)
        spec = json.dumps(sweep(folder, tokens))
        self.process = subprocess.Popen(
            [sys.executable, script, "--spec", spec, "--cores", "2"], stderr=subprocess.PIPE, text=True
        )
        while len(kept(folder)) < 2:
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            time.sleep(0.02)
        self.children = psutil.Process(self.process.pid).children(recursive=True)

    @property
    def workers(self) -> list[psutil.Process]:
        """Return the processes that fit: children of the server that forks them."""
        return [child for child in self.children if child.ppid() != self.process.pid]

    def end(self) -> str:
        """Wait for the end of the sweep and of all its processes; return what it said."""
        _, said = self.process.communicate(timeout=60)
        gone, alive = psutil.wait_procs(self.children, timeout=60)
        assert not alive
        assert len(gone) >= 3
        return said


@pytest.fixture
def running(tmp_path: Path, processes: list[Path]) -> Iterator[Sweep]:
    started = Sweep(tmp_path, processes)
    yield started
    started.process.kill()


def test_two_workers_write_the_bytes_of_one(tmp_path: Path, processes: list[Path], whole: Any) -> None:
    assert run(Spec.model_validate(sweep(tmp_path, processes) | {"cores": 2})) == whole
    notes = json.loads((tmp_path / "run" / "run_info.json").read_text())
    assert (notes["workers"], notes["fits_computed"], notes["fits_kept"]) == (2, FITS, 0)
    assert run(Spec.model_validate(sweep(tmp_path, processes) | {"cores": 3})) == whole
    notes = json.loads((tmp_path / "run" / "run_info.json").read_text())
    assert (notes["fits_computed"], notes["fits_kept"]) == (0, FITS)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_workers_share_one_card(tmp_path: Path, processes: list[Path]) -> None:
    one, two = (sweep(tmp_path / str(cores), processes) | {"cores": cores, "device": "cuda"} for cores in (1, 2))
    assert run(Spec.model_validate(one)) == run(Spec.model_validate(two))


def test_several_threads_share_the_cores(tmp_path: Path, processes: list[Path]) -> None:
    run(Spec.model_validate(sweep(tmp_path, processes, threads=2, steps=2) | {"cores": 3}))
    assert json.loads((tmp_path / "run" / "run_info.json").read_text())["workers"] == 1


def test_killed_sweep_leaves_no_process_and_repeats_nothing(running: Sweep, processes: list[Path], whole: Any) -> None:
    assert len(running.workers) == 2
    running.process.kill()
    running.end()
    found = kept(running.folder)
    assert 2 <= len(found) < FITS
    assert run(Spec.model_validate(sweep(running.folder, processes) | {"cores": 2})) == whole
    notes = json.loads((running.folder / "run" / "run_info.json").read_text())
    assert (notes["fits_computed"], notes["fits_kept"]) == (FITS - len(found), len(found))
    assert found.items() <= kept(running.folder).items(), "finished fits are not written again"


def test_sigterm_ends_the_workers(running: Sweep) -> None:
    for process in (running.process, *running.workers):
        process.send_signal(signal.SIGTERM)
    running.end()
    assert running.process.returncode == 128 + signal.SIGTERM
    assert not (running.folder / "run").exists(), "nothing partial is left"


def test_killed_worker_gives_one_sentence(running: Sweep) -> None:
    running.workers[0].kill()
    said = running.end()
    assert running.process.returncode == 1
    (sentence,) = [line for line in said.splitlines() if line.startswith("prehep: ")]
    assert f"of {FITS} fits that are finished are kept in {running.folder}/points" in sentence
    assert len(kept(running.folder)) >= 2


def test_errors_of_workers_are_told_as_they_are(tmp_path: Path, processes: list[Path]) -> None:
    folder = pretrain(tmp_path / "pretrained", processes[1], MODEL | {"layers": 2})
    spec = sweep(tmp_path, processes, pretrained=True) | {"cores": 2}
    with pytest.raises(ConfigError, match=r"was trained with layers 2 \(expected 1\)"):
        run(Spec.model_validate(spec | {"pretrained": folder, "loader": ENCODER_LOADER}))
    edited = sweep(tmp_path, processes) | {"cores": 2, "code": {"prehep.training.mixup": "0" * 16}}
    with pytest.raises(CodeError, match=r"prehep\.training\.mixup was edited while the sweep"):
        run(Spec.model_validate(edited))
    assert not kept(tmp_path)


def test_number_of_workers_is_in_no_digest(tmp_path: Path, processes: list[Path]) -> None:
    one, many = (Spec.model_validate(sweep(tmp_path, processes) | {"cores": cores}) for cores in (1, 7))
    assert one.definition() == many.definition()
