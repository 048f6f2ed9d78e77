"""Tests of digests, atomic files, manifests, seeds and the shared command line."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from prehep.core.code import COMMAND, CodeReference, code_table
from prehep.core.digests import digest_arrays, digest_file, digest_value
from prehep.core.errors import CorruptPayloadError, PrehepError
from prehep.core.files import atomic_file, write_text
from prehep.core.fingerprint import combine
from prehep.core.manifest import MANIFEST, RUN_INFO, Manifest, load_payload, publish, read_manifest
from prehep.core.seeds import derive_seed, random_stream
from prehep.core.settings import Settings, defining, merge, volatile
from prehep.core.specification import StageSpec
from prehep.stages.command import main


class Inner(Settings):
    """A section of it."""

    cut: float = 1.0
    title: str = Field("a", json_schema_extra=volatile())


class Spec(StageSpec):
    """A stage for these tests."""

    inner: Inner = Inner()
    fail: bool = False


def run(spec: Spec) -> Manifest:
    with publish(spec.output, spec, stage="test", code=spec.code, seed=3) as publication:
        publication.payload("a.txt").write_text("hello")
        if spec.fail:
            raise PrehepError("a.txt: expected fine, found broken; mend it.")
        publication.note(seconds_of_work=1)
    return read_manifest(spec.output)


def test_file_digest_has_the_published_value(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest_file(tmp_path / "abc").startswith("ba7816bf")
    assert digest_file(tmp_path / "abc", "md5") == "900150983cd24fb0d6963f7d28e17f72"


@given(st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()))
def test_value_digest_ignores_key_order(value: dict[str, object]) -> None:
    assert digest_value(value) == digest_value(dict(reversed(list(value.items()))))


def test_array_digest_sees_type_shape_and_values() -> None:
    base = {"x": np.arange(6, dtype=np.float32)}
    others = [{"x": np.arange(6.0)}, {"x": base["x"].reshape(2, 3)}, {"y": base["x"]}, {"x": base["x"] + 1}]
    assert all(digest_arrays(other) != digest_arrays(base) for other in others)
    assert digest_arrays({"x": base["x"].copy()}) == digest_arrays(base)


def test_volatile_fields_do_not_define() -> None:
    assert defining(Inner(title="b")) == {"cut": 1.0}
    one, two = (Spec(output=Path(name), code={"a": name}, planned={}) for name in ("x", "y"))
    assert defining(one) == defining(two)


def test_merge_is_deep_and_replaces_lists() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert merge(base, {"a": {"c": [3]}, "e": 2}) == {"a": {"b": 1, "c": [3]}, "d": 1, "e": 2}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1}


def test_atomic_file_leaves_nothing_after_an_error(tmp_path: Path) -> None:
    def stop_half_way() -> None:
        with atomic_file(tmp_path / "x") as partial:
            partial.write_text("half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stop_half_way()
    assert list(tmp_path.iterdir()) == []


def test_equal_runs_write_equal_manifests(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(Spec(output=tmp_path / name, code={"a": "1"}))
    assert (tmp_path / "one" / MANIFEST).read_bytes() == (tmp_path / "two" / MANIFEST).read_bytes()
    assert "seconds_of_work" in json.loads((tmp_path / "one" / RUN_INFO).read_text())
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["a.txt", MANIFEST, RUN_INFO]


def test_failed_stage_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PrehepError):
        run(Spec(output=tmp_path / "out", fail=True))
    assert list(tmp_path.iterdir()) == []


def test_failed_rerun_leaves_nothing_of_a_result_without_manifest(tmp_path: Path) -> None:
    run(Spec(output=tmp_path / "out"))
    (tmp_path / "out" / MANIFEST).unlink()
    with pytest.raises(PrehepError):
        run(Spec(output=tmp_path / "out", fail=True))
    assert not (tmp_path / "out").exists()


def test_rerun_removes_what_it_no_longer_makes(tmp_path: Path) -> None:
    for name in ("old.txt", "new.txt"):
        with publish(tmp_path / "out", Spec(output=tmp_path), stage="test") as publication:
            publication.payload(name).write_text(name)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [MANIFEST, "new.txt", RUN_INFO]


@pytest.mark.parametrize("damage", ["hellO", "hell", None])
def test_corrupt_payload_is_refused(tmp_path: Path, damage: str | None) -> None:
    run(Spec(output=tmp_path))
    if damage is None:
        (tmp_path / "a.txt").unlink()
    else:
        (tmp_path / "a.txt").write_text(damage)
    with pytest.raises(CorruptPayloadError, match=r"a\.txt"):
        load_payload(tmp_path, "a.txt")


@pytest.mark.parametrize("damage", ["", "{}", "\x00", '{"stage": 3'])
def test_unreadable_manifest_is_refused_and_replaced_by_a_rerun(tmp_path: Path, damage: str) -> None:
    run(Spec(output=tmp_path))
    (tmp_path / MANIFEST).write_text(damage)
    with pytest.raises(CorruptPayloadError, match="prehep repair"):
        load_payload(tmp_path, "a.txt")
    assert run(Spec(output=tmp_path)).payloads.keys() == {"a.txt"}


def test_manifest_keeps_the_plan_as_it_was_given(tmp_path: Path) -> None:
    manifest = run(Spec(output=tmp_path, planned={"z": 1, "a": 2}))
    assert list(manifest.spec.items()) == [("z", 1), ("a", 2)]
    assert run(Spec(output=tmp_path)).spec == {"inner": {"cut": 1.0}, "fail": False}


def test_revision_tells_how_and_digest_tells_what(tmp_path: Path) -> None:
    def finish(
        name: str, content: str, *, planned: dict[str, int], code: str, inputs: tuple[Path, ...] = ()
    ) -> Manifest:
        spec = Spec(output=tmp_path / name, planned=planned, code={"m": code})
        with publish(spec.output, spec, stage="test", code=spec.code, inputs=inputs) as publication:
            publication.payload("x").write_text(content)
        return read_manifest(spec.output)

    first = finish("first", "1", planned={"a": 1}, code="c")
    folder = (tmp_path / "first",)
    above = finish("above", "2", planned={}, code="c", inputs=folder)
    assert finish("first", "9", planned={"a": 1}, code="c").revision == first.revision
    assert finish("above", "2", planned={}, code="c", inputs=folder).revision == above.revision
    changed = finish("first", "1", planned={"a": 1}, code="d")
    assert changed.digest == first.digest
    assert changed.revision != first.revision
    assert finish("above", "2", planned={}, code="c", inputs=folder).revision != above.revision
    orders = [
        finish("first", "1", planned=planned, code="c").revision for planned in ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    ]
    assert orders[0] != orders[1], "the order of settings is that of tables and figures"


def test_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptPayloadError, match=MANIFEST):
        read_manifest(tmp_path)


def test_seeds_differ_by_purpose_and_are_stable() -> None:
    assert derive_seed(1, "a", 2) == derive_seed(1, "a", 2) != derive_seed(1, "a", 3)
    assert random_stream(1, "x").integers(1 << 30) == random_stream(1, "x").integers(1 << 30)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    handlers = logging.getLogger().handlers[:]
    yield
    for handler in logging.getLogger().handlers[:]:
        logging.getLogger().removeHandler(handler)
        handler.close()
    logging.getLogger().handlers[:] = handlers


@pytest.mark.usefixtures("restored_logging")
def test_command_reports_an_error_as_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = json.dumps({"output": str(tmp_path / "out"), "fail": True})
    assert main(Spec, run, ["--spec", spec, "--log", str(tmp_path / "log")]) == 1
    assert capsys.readouterr().err == "prehep: a.txt: expected fine, found broken; mend it.\n"
    assert "resolved specification" in (tmp_path / "log").read_text()


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the script that seems to run."""
    path = tmp_path / "scripts" / "simulate.py"
    write_text(path, "x = 1")
    monkeypatch.setattr("sys.argv", [str(path)])
    return path


@pytest.mark.usefixtures("restored_logging", "script")
def test_command_refuses_code_that_was_edited_while_it_was_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("prehep.stages.command.last_edit", lambda *_: (time.time(), "seeds.py"))
    reference = CodeReference("0" * 16, ("prehep.core.seeds",), "abc")
    spec = json.dumps({"output": str(tmp_path / "out")})
    assert main(Spec, run, ["--spec", spec, "--code", str(reference)]) == 1
    assert "seeds.py was edited while this job started; run snakemake again." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("restored_logging")
def test_command_records_plan_and_code(tmp_path: Path, script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    modules = ("prehep.core.seeds",)
    reference = CodeReference(combine(code_table(modules, script, "abc")), modules, "abc")
    spec = json.dumps({"inner": {"cut": 2}, "output": str(tmp_path / "out")})
    arguments = ["--spec", spec, "--code", str(reference), "--runtime", '{"device": "cpu"}']
    assert main(Spec, run, arguments) == 0
    manifest = read_manifest(tmp_path / "out")
    assert manifest.spec == {"inner": {"cut": 2}}
    assert manifest.code.keys() == {"prehep", "prehep.core", "prehep.core.seeds", "scripts/simulate.py", COMMAND}
    assert "edited" not in capsys.readouterr().err
    write_text(script, "x = 2")
    assert main(Spec, run, arguments) == 0
    assert "the code was edited after this job was planned" in capsys.readouterr().err
    assert read_manifest(tmp_path / "out").code["scripts/simulate.py"] != manifest.code["scripts/simulate.py"]


def test_write_text_is_readable_by_others(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "x", "y")
    assert (tmp_path / "deep" / "x").stat().st_mode & 0o444 == 0o444
