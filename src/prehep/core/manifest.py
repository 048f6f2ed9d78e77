"""What a finished stage leaves: payload files and, written last, `manifest.json` with their hashes.

The manifest holds only what defines the content, so two runs that wrote the same bytes have the same manifest; times,
host and versions go to `run_info.json` beside it. ROOT files hold dates: of them the digest of the arrays counts.
"""

import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pydantic

from prehep.core.digests import digest_file, digest_value
from prehep.core.errors import CorruptPayloadError
from prehep.core.files import scratch_folder, write_text
from prehep.core.settings import Settings, defining

MANIFEST = "manifest.json"
RUN_INFO = "run_info.json"
VERSIONED = (
    "prehep",
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


class Manifest(Settings):
    """The record of a finished stage."""

    stage: str
    spec_digest: str
    code_digest: str
    seed: int | None = None
    inputs: dict[str, str]
    payloads: dict[str, Payload]

    @property
    def digest(self) -> str:
        """Return the digest by which downstream stages refer to this one."""
        payloads = {name: payload.content or payload.sha256 for name, payload in self.payloads.items()}
        return digest_value({"stage": self.stage, "spec": self.spec_digest, "payloads": payloads})


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
        """Record the digest of a payload's arrays, for formats whose bytes differ from run to run."""
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
    code: str,
    inputs: Sequence[Path] = (),
    seed: int | None = None,
) -> Iterator[Publication]:
    """Yield a Publication; on success move its files into `output` and write the manifest last.

    Args:
        output: folder of the stage's results.
        spec: the stage's specification; its defining part is digested.
        stage: name of the stage.
        code: fingerprint of the stage's code.
        inputs: folders of upstream stages, whose manifests are recorded.
        seed: seed of the stage, where it has one.
    """
    start = time.time()
    upstream = {folder.as_posix(): read_manifest(folder).digest for folder in inputs}
    with scratch_folder(output) as folder:
        publication = Publication(folder)
        yield publication
        payloads = _describe(publication)
        manifest = Manifest(
            stage=stage,
            spec_digest=digest_value(defining(spec)),
            code_digest=code,
            seed=seed,
            inputs=upstream,
            payloads=payloads,
        )
        _remove_previous(output)
        for name in payloads:
            destination = output / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / name, destination)
    _write_run_info(output, start, publication.notes)
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
        raise CorruptPayloadError(f"{path} is missing, so {folder} is not finished; run snakemake again.") from error
    except pydantic.ValidationError as error:
        raise CorruptPayloadError(
            f"{path} cannot be read as a manifest; delete {folder} and run snakemake again."
        ) from error


def load_payload(folder: Path, name: str) -> Path:
    """Return the path of a payload after checking its size and hash against the manifest.

    Raises:
        CorruptPayloadError: the file is absent, or its bytes differ from those the stage wrote.
    """
    path = folder / name
    expected = read_manifest(folder).payloads.get(name)
    if expected is None or not path.is_file():
        raise CorruptPayloadError(f"{path} is missing; delete {folder} and run snakemake again.")
    size = path.stat().st_size
    if size != expected.size:
        raise CorruptPayloadError(
            f"{path} has {size} bytes but its manifest says {expected.size}; delete {folder} and run snakemake again."
        )
    found = digest_file(path)
    if found != expected.sha256:
        raise CorruptPayloadError(
            f"{path} has sha256 {found[:12]}… but its manifest says {expected.sha256[:12]}…; "
            f"delete {folder} and run snakemake again."
        )
    return path


def _remove_previous(output: Path) -> None:
    """Remove what an earlier run published here, manifest first: its files need not be those of this one."""
    if (output / MANIFEST).is_file():
        names = read_manifest(output).payloads
        (output / MANIFEST).unlink()
        for name in names:
            (output / name).unlink(missing_ok=True)


def _describe(publication: Publication) -> dict[str, Payload]:
    files = sorted(path for path in publication.folder.rglob("*") if path.is_file())
    described = {}
    for path in files:
        name = path.relative_to(publication.folder).as_posix()
        content = publication.contents.get(name)
        described[name] = Payload(size=path.stat().st_size, sha256=digest_file(path), content=content)
    return described


def _write_run_info(output: Path, start: float, notes: Mapping[str, object]) -> None:
    import json

    versions = {}
    for package in VERSIONED:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    info = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
        "seconds": round(time.time() - start, 3),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "versions": versions,
        **notes,
    }
    write_text(output / RUN_INFO, json.dumps(info, indent=2, sort_keys=True, default=str) + "\n")
