"""Edits that a user may make to a project, for the tests of what they rerun."""

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from running import PARTS, STORED, Project

from prehep.core.digests import digest_file
from prehep.core.manifest import MANIFEST
from prehep.core.settings import merge

TRACKED = (*PARTS, *STORED, "src")
RESTORED = ("data", "tokens", "runs", "results", "provenance")
"""The results that DVC stores; neither Snakemake's own folder nor logs are among them."""
OVERLAY = "mine.yaml"
DAY = 86_400.0
Change = Callable[[Project], object]


def clone(project: Project, target: Path, seed: int = 1) -> Project:
    """Copy what Git and DVC know of a project, in any order and with any times of the last day, as these two do."""
    chance = random.Random(seed)
    known = [path for part in (*TRACKED, *RESTORED) for path in _files(project.folder / part)]
    chance.shuffle(known)
    for path in known:
        copy = target / path.relative_to(project.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        changed = time.time() - chance.uniform(0, DAY)
        os.utime(copy, (changed, changed))
    return Project(target)


def edit(path: str, old: str, new: str) -> Change:
    """Return an edit of a file."""
    return lambda project: project.edit(path, old, new)


def edit_code(module: str, old: str, new: str) -> Change:
    """Return an edit of a module of the package."""
    return edit(f"src/prehep/{module}.py", old, new)


def add_line(path: str, line: str = "EDITED = True") -> Change:
    """Return the edit that adds a line to a file, which may be new."""

    def change(project: Project) -> None:
        with (project.folder / path).open("a") as stream:
            stream.write(line + "\n")

    return change


def add_code(module: str) -> Change:
    """Return the edit that adds a statement to a module of the package."""
    return add_line(f"src/prehep/{module}.py")


def configure(**values: Any) -> Change:
    """Return the edit that puts values on top of the configuration, in a file of the user's own."""

    def change(project: Project) -> None:
        path = project.folder / OVERLAY
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(merge(known, values)))

    return change


def events(**values: Any) -> Change:
    """Return an edit of the settings of the study on events."""
    return configure(event_pretraining=values)


def tracks(**values: Any) -> Change:
    """Return an edit of the settings of the study on tracks."""
    return configure(tracking_bert=values)


def touch(*patterns: str) -> Change:
    """Return the touching of all files that match."""
    return lambda project: [os.utime(path) for pattern in patterns for path in _matching(project, pattern)]


def delete(*patterns: str) -> Change:
    """Return the deletion of what matches."""

    def change(project: Project) -> None:
        for path in [path for pattern in patterns for path in _matching(project, pattern)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def in_turn(*changes: Change) -> Change:
    """Return several edits, one after the other."""
    return lambda project: [change(project) for change in changes]


def there_and_back(path: str, old: str, new: str) -> Change:
    """Return an edit that is taken back after Snakemake has seen it."""

    def change(project: Project) -> None:
        project.edit(path, old, new)
        assert project.planned()
        project.edit(path, new, old)

    return change


def replace_pretraining(project: Project) -> None:
    """Put another result in the place of a pretraining, that looks older than all others."""
    replace_payload(project.find("runs/pretrain_model/masked_type-*"), "history.csv")


def replace_payload(folder: Path, name: str) -> None:
    """Put other numbers into a table and its hash into the manifest, and date both long ago."""
    payload, manifest = folder / name, folder / MANIFEST
    payload.write_bytes(payload.read_bytes().replace(b"0", b"1"))
    content = json.loads(manifest.read_text())
    content["payloads"][name]["sha256"] = digest_file(payload)
    manifest.write_text(json.dumps(content, indent=2) + "\n")
    for path in (payload, manifest):
        os.utime(path, (1e9, 1e9))


def reorder_overlay(project: Project) -> None:
    """Turn around the order of the keys in every section of the smoke configuration."""
    path = project.folder / "config" / "smoke.yaml"
    path.write_text(json.dumps(_turned_around(yaml.safe_load(path.read_text()))))


def _turned_around(value: Any) -> Any:
    return {key: _turned_around(value[key]) for key in reversed(value)} if isinstance(value, dict) else value


def _matching(project: Project, pattern: str) -> list[Path]:
    found = sorted(project.folder.glob(pattern))
    assert found, f"nothing is called {pattern}"
    return found


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [found for found in path.rglob("*") if found.is_file() and "__pycache__" not in found.parts]
