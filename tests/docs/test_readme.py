"""The README names only what exists, and its examples are valid."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from prehep.core.config.documents import defaults_text
from prehep.core.config.loading import load_config
from prehep.core.settings import merge
from prehep.workflow.planning import make_plan

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TRAINED = ("simulate_events", "simulate_tracks", "tokenize_events", "tokenize_tracks", "train_baseline")


def test_make_targets_exist() -> None:
    named = set(re.findall(r"^make (\S+)|`make (\S+?)[` ]", README, re.MULTILINE))
    targets = {name for pair in named for name in pair if name}
    assert targets >= {"reproduce", "test", "smoke", "sample"}
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"README names make {target}"


def test_named_files_exist() -> None:
    for path in re.findall(r"\]\(((?!http)[^)]+)\)|--configfile (config/\S+)", README):
        name = path[0] or path[1].rstrip("`")
        assert (ROOT / name).exists(), f"README names {name}"


def test_example_changes_only_its_branch() -> None:
    example = next(text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "name: mine" in text)
    defaults = yaml.safe_load(defaults_text())
    changed = merge(defaults, yaml.safe_load(example))
    assert load_config(changed).name == "mine"
    before, after = (make_plan(values, ROOT / "config") for values in (defaults, changed))
    for rule in TRAINED:
        assert [job.manifest for job in before.of(rule)] == [job.manifest for job in after.of(rule)]
    new = {job.manifest for job in after.of("pretrain_model")} - {job.manifest for job in before.of("pretrain_model")}
    assert len(new) == 1


def run_make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return subprocess.run(["make", "reproduce", *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_without_python_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    result = run_make(tmp_path, "PYTHON=")
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_without_venv_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    result = run_make(tmp_path, f"PYTHON={python}")
    assert result.returncode != 0
    assert "apt-get install python3-venv" in result.stderr
    assert not (tmp_path / ".venv").exists()
