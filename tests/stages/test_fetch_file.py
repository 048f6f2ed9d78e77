"""Stage fetch_file: from an address, from a local copy, and with a checksum recorded at the first download."""

import hashlib
import json
from pathlib import Path

import pytest

from prehep.core.config.remote_files import RemoteFile
from prehep.core.errors import FetchError
from prehep.core.manifest import load_payload
from prehep.stages.fetch_file import Spec, run

CONTENT = b"collisions" * 1000


def spec(folder: Path, output: str = "out", **facts: object) -> Spec:
    source = folder / "source.bin"
    if not source.exists():
        source.write_bytes(CONTENT)
    values = {"url": source.as_uri(), "name": "data.bin", "checksum": f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"}
    options = {key: facts.pop(key) for key in ("sample_dir", "recorded") if key in facts}
    return Spec.model_validate(
        {"output": folder / output, "file": RemoteFile.model_validate({**values, **facts}), **options}
    )


def test_payload_and_manifest(tmp_path: Path) -> None:
    manifest = run(spec(tmp_path))
    assert load_payload(tmp_path / "out", "data.bin").read_bytes() == CONTENT
    assert manifest.stage == "fetch_file"
    assert [*manifest.payloads] == ["data.bin"]


def test_address_and_sample_do_not_define_the_result(tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "copy.bin").write_bytes(CONTENT)
    first = run(spec(tmp_path))
    options = {"url": "https://example.org/data.bin", "sample": "copy.bin", "sample_dir": samples}
    second = run(spec(tmp_path, "other", **options))
    assert first.digest == second.digest


def test_sample_is_checked_like_a_download(tmp_path: Path) -> None:
    (tmp_path / "copy.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(FetchError, match=r"data\.bin"):
        run(spec(tmp_path, sample="copy.bin", sample_dir=tmp_path))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_checksum_is_recorded_and_enforced(tmp_path: Path) -> None:
    recorded = tmp_path / "provenance" / "checksums.json"
    run(spec(tmp_path, checksum=None, recorded=recorded))
    (entry,) = json.loads(recorded.read_text()).values()
    assert entry == {"checksum": f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", "size": len(CONTENT)}
    run(spec(tmp_path, "again", checksum=None, recorded=recorded))
    (tmp_path / "source.bin").write_bytes(b"changed")
    with pytest.raises(FetchError, match="first download"):
        run(spec(tmp_path, "third", checksum=None, recorded=recorded))
    assert not (tmp_path / "third" / "manifest.json").exists()
