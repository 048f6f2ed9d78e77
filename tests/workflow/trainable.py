"""A project in which only one training is left to do: its tokens are written, not made from data."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from running import PARTS, ROOT, SMOKE, copy_workflow

from prehep.core.manifest import RUN_INFO
from prehep.workflow.planning import load_plan

OVERLAY = "mine.yaml"
OUTPUT = "output.txt"
RUN = "bert_token"
WRITE = "import sys, pathlib, token_folders; token_folders.write_track_tokens(pathlib.Path(sys.argv[1]))"
FIRST_STEP = re.compile("first step after")


class TrainableProject:
    """The workflow and the package in a folder of their own, and tokens for one training on tracks.

    Args:
        folder: where it is made.
        training: settings of the training beside those of the smoke configuration.
        options: further settings of the configuration.
    """

    def __init__(self, folder: Path, training: dict[str, Any], **options: Any) -> None:
        self.folder = copy_workflow(folder, (*PARTS, "src"))
        overlay = {
            "studies": ["tracking_bert"],
            "tracking_bert": {
                "pretrain": {RUN: {"training": training}, "bert_geometry": None, "bert_geometry_mixed": None}
            },
            **options,
        }
        (folder / OVERLAY).write_text(json.dumps(overlay))
        (folder / OUTPUT).touch()
        (self.job,) = load_plan([folder / SMOKE[1], folder / OVERLAY], folder).of("pretrain_model")
        for upstream in self.job.upstream:
            environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "stages")}
            subprocess.run([sys.executable, "-c", WRITE, str(folder / upstream.folder)], env=environment, check=True)
            for path in upstream.payloads:
                (folder / path).touch()  # arrays that no training reads

    def command(self, *arguments: str) -> list[str]:
        """Return the call of Snakemake that trains."""
        rules = ("--allowed-rules", "pretrain_model", "--configfile", SMOKE[1], OVERLAY)
        return [sys.executable, "-m", "snakemake", *rules, *arguments, "--", self.job.manifest]

    @contextmanager
    def running(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Start Snakemake, which says what it does in `output.txt`, and leave nothing of it running."""
        variables = {**os.environ, "PYTHONPATH": str(self.folder / "src"), **environment}
        with (self.folder / OUTPUT).open("w") as stream:
            process = subprocess.Popen(
                self.command(*arguments), cwd=self.folder, env=variables, stdout=stream, stderr=stream, text=True
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                for one in (*psutil.Process(process.pid).children(recursive=True), process):
                    one.kill()
                process.wait()

    def train(self, *arguments: str, **environment: str) -> None:
        """Train to the end."""
        with self.running(*arguments, **environment) as snakemake:
            assert snakemake.wait(timeout=600) == 0, self.output

    @property
    def output(self) -> str:
        """Return what Snakemake said, and the log of the training."""
        logs = [path.read_text() for path in sorted((self.folder / "logs").rglob("*.log"))]
        return "\n".join([(self.folder / OUTPUT).read_text(), *logs])

    def wait_for_first_step(self, seconds: float = 120) -> None:
        """Wait until the training has done a step."""
        deadline = time.monotonic() + seconds
        while not FIRST_STEP.search(self.output):
            assert time.monotonic() < deadline, self.output
            assert "Error" not in self.output, self.output
            time.sleep(0.05)

    @property
    def weights(self) -> bytes:
        """Return the bytes of the trained weights."""
        return (self.folder / self.job.folder / "objective.safetensors").read_bytes()

    @property
    def run_info(self) -> dict[str, Any]:
        """Return what the training noted beside its results."""
        found: dict[str, Any] = json.loads((self.folder / self.job.folder / RUN_INFO).read_text())
        return found


def training_process(snakemake: subprocess.Popen[str]) -> psutil.Process:
    """Return the process that runs the script of the rule, or the launcher of several of them."""
    for process in psutil.Process(snakemake.pid).children(recursive=True):
        if any(part.endswith("pretrain_model.py") for part in process.cmdline()):
            return process
    raise AssertionError("no training runs")
