"""What a finished stage leaves: payload files and, written last, `manifest.json` with their hashes.

The manifest holds only what defines the content, so two runs that wrote the same bytes have the same manifest; times,
host and versions go to `run_info.json` beside it. Two digests identify a finished stage: `digest`, what it holds, and
`revision`, how it was made, which can be told from a plan alone.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydantic

from prehep.core.digests import digest_file, digest_value
from prehep.core.errors import CorruptPayloadError
from prehep.core.files import scratch_folder, write_text
from prehep.core.settings import Settings, defining
from prehep.core.specification import StageSpec
from prehep.core.versions import installed_versions

MANIFEST = "manifest.json"
RUN_INFO = "run_info.json"
REMEDY = "run prehep repair, then snakemake"
VERSIONED = (
    "prehep",
    "snakemake",
    "numpy",
    "awkward",
    "uproot",
    "pyarrow",
    "torch",
    "scikit-learn",
    "pythia8mc",
    "fastjet",
    "pyacts",
)


class Payload(Settings):
    """One file of a finished stage: its size in bytes, and the SHA-256 of its bytes or of the arrays in it."""

    size: int
    sha256: str
    content: str | None = None


class Input(Settings):
    """What a stage read from another: the digest of what that held, and of how it was made."""

    content: str
    revision: str


class Manifest(Settings):
    """The record of a finished stage.

    Attributes:
        stage: name of the stage.
        spec: what defines the result, in the order in which it was given.
        code: digest of each module, script and rule that the stage could reach.
        seed: seed of the stage, where it has one.
        inputs: folder and digests of each stage whose results were read.
        payloads: name, size and hashes of each file.
    """

    stage: str
    spec: dict[str, Any]
    code: dict[str, str]
    seed: int | None = None
    inputs: dict[str, Input]
    payloads: dict[str, Payload]

    @property
    def digest(self) -> str:
        """Return the digest of what the stage made."""
        payloads = {name: payload.content or payload.sha256 for name, payload in self.payloads.items()}
        return digest_value({"stage": self.stage, "spec": self.spec, "payloads": payloads})

    @property
    def code_digest(self) -> str:
        """Return one digest of all code that the stage could reach."""
        return digest_value(self.code)

    @property
    def revision(self) -> str:
        """Return the digest of how it was made: settings, code, and the same of everything it builds on."""
        return revision_digest(self.spec, self.code, {folder: found.revision for folder, found in self.inputs.items()})


def revision_digest(spec: Mapping[str, Any], code: Mapping[str, str], inputs: Mapping[str, str]) -> str:
    """Return the digest of how a result is made; the order of the settings counts.

    Args:
        spec: what defines the result.
        code: digest of each module, script and rule.
        inputs: folder and revision of each stage whose results are read.
    """
    return digest_value({"spec": json.dumps(spec), "code": dict(code), "inputs": dict(inputs)})


class Publication:
    """A folder under construction; `payload` gives the path to write one file to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents: dict[str, str] = {}
        self.notes: dict[str, object] = {}

    def payload(self, name: str) -> Path:
        """Return the temporary path of a payload file."""
        return self.folder / name

    def set_content_digest(self, name: str, digest: str) -> None:
        """Record the digest of a payload's arrays, for formats whose bytes depend on their writer."""
        self.contents[name] = digest

    def note(self, **facts: object) -> None:
        """Add volatile facts to `run_info.json`."""
        self.notes.update(facts)


@contextmanager
def publish(
    output: Path,
    spec: Settings,
    *,
    stage: str,
    code: Mapping[str, str] | None = None,
    inputs: Sequence[Path] = (),
    seed: int | None = None,
) -> Iterator[Publication]:
    """Yield a Publication; on success move its files into `output` and write the manifest last.

    Args:
        output: folder of the stage's results.
        spec: the stage's specification; its defining part is recorded.
        stage: name of the stage.
        code: digest of each module that the stage can reach.
        inputs: folders of upstream stages, whose manifests are recorded.
        seed: seed of the stage, where it has one.
    """
    start = time.time()
    manifests = {folder.as_posix(): read_manifest(folder) for folder in inputs}
    if not (output / MANIFEST).is_file():
        _remove_previous(output)
    with scratch_folder(output) as folder:
        publication = Publication(folder)
        yield publication
        payloads = _describe(publication)
        manifest = Manifest(
            stage=stage,
            spec=spec.definition() if isinstance(spec, StageSpec) else defining(spec),
            code=dict(code or {}),
            seed=seed,
            inputs={name: Input(content=read.digest, revision=read.revision) for name, read in manifests.items()},
            payloads=payloads,
        )
        _remove_previous(output)
        for name in payloads:
            destination = output / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / name, destination)
    _write_run_info(output, start, {"payloads": list(payloads), **publication.notes})
    write_text(output / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a finished stage.

    Raises:
        CorruptPayloadError: the manifest is absent or cannot be read.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CorruptPayloadError(f"{path} is missing, so {folder} is not finished; {REMEDY}.") from error
    except (pydantic.ValidationError, UnicodeDecodeError) as error:
        raise CorruptPayloadError(f"{path} cannot be read as a manifest; {REMEDY}.") from error


def load_payload(folder: Path, name: str) -> Path:
    """Return the path of a payload after checking its size and hash against the manifest.

    Raises:
        CorruptPayloadError: the file is absent, or its bytes differ from those the stage wrote.
    """
    path = folder / name
    expected = read_manifest(folder).payloads.get(name)
    damage = f"is not among the files of its {MANIFEST}" if expected is None else payload_damage(path, expected)
    if damage:
        raise CorruptPayloadError(f"{path} {damage}; {REMEDY}.")
    return path


def payload_damage(path: Path, expected: Payload, *, hashed: bool = True) -> str | None:
    """Return in what a payload file differs from its manifest, as the rest of a sentence, or None.

    Args:
        path: the file.
        expected: what the manifest says of it.
        hashed: compare the bytes, not the size alone.
    """
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != expected.size:
        return f"has {size} bytes but its manifest says {expected.size}"
    found = digest_file(path) if hashed else expected.sha256
    if found != expected.sha256:
        return f"has sha256 {found[:12]}… but its manifest says {expected.sha256[:12]}…"
    return None


def _remove_previous(output: Path) -> None:
    """Remove what an earlier run published here, manifest first: its files need not be those of this one."""
    for name in (MANIFEST, *published_files(output), RUN_INFO):
        (output / name).unlink(missing_ok=True)


def published_files(folder: Path) -> list[str]:
    """Return the names of the payloads that a stage published last, also if its manifest is lost or damaged."""
    try:
        return list(read_manifest(folder).payloads)
    except CorruptPayloadError:
        pass
    try:
        names = json.loads((folder / RUN_INFO).read_text(encoding="utf-8")).get("payloads", [])
    except (OSError, ValueError, AttributeError):
        return []
    return [str(name) for name in names]


def _describe(publication: Publication) -> dict[str, Payload]:
    files = sorted(path for path in publication.folder.rglob("*") if path.is_file())
    described = {}
    for path in files:
        name = path.relative_to(publication.folder).as_posix()
        content = publication.contents.get(name)
        described[name] = Payload(size=path.stat().st_size, sha256=digest_file(path), content=content)
    return described


def _commit() -> str | None:
    """Return the commit of the package's source, with `-dirty` after edits; None where it is in no repository."""
    describe = ("git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        found = subprocess.run(describe, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def _write_run_info(output: Path, start: float, notes: Mapping[str, object]) -> None:
    info = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
        "seconds": round(time.time() - start, 3),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "versions": installed_versions(VERSIONED),
        "commit": _commit(),
        "modules": sorted(name for name in sys.modules if name.partition(".")[0] == "prehep"),
        **notes,
    }
    write_text(output / RUN_INFO, json.dumps(info, indent=2, sort_keys=True, default=str) + "\n")
