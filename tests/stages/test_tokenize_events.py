"""Tokenising a small ingested sample, and the real 2012 muons where they are at hand."""

import json
import shutil
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prehep.core.config.event_tokens import EventTokenSettings
from prehep.core.errors import ConfigError, CorruptPayloadError, FormatError
from prehep.core.manifest import load_payload, publish, read_manifest
from prehep.core.settings import Settings
from prehep.data.parquet import required
from prehep.data.splits import assign_split
from prehep.stages import tokenize_events
from prehep.stages.dense_events import read_dense
from prehep.tokens.event_encoding import EventEncoding
from prehep.tokens.event_features import encode
from prehep.tokens.event_selection import COLUMNS, available_objects, select_events

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
MUON_FILE = SHARED / "cms" / "agc_open-data-example_Run2012BC_DoubleMuParked_100k.root"
EVENTS = 400
MUON_SETTINGS = EventTokenSettings(
    slots=("lepton", "lepton"),
    features=("pt", "eta", "sin_phi", "cos_phi", "charge", "type"),
    lepton_pt_min=3.0,
    jets_min=0,
)


class Nothing(Settings):
    """The specification of hand-made stages."""


def make_columns(events: int = EVENTS, labelled: bool = True) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "identity": pa.array(rng.integers(0, 2**64, events, dtype=np.uint64)),
        "weight": pa.array(rng.uniform(0.5, 2, events)),
    }
    if labelled:
        columns["process"] = pa.array(rng.choice(["ttbar", "signal_2hdm"], events).tolist())
    for name, fields in COLUMNS.items():
        counts = rng.integers(0, 7, events)
        offsets = pa.array(np.concatenate([[0], counts.cumsum()]).astype(np.int32))
        for field in fields:
            size = events if name == "MET" else int(counts.sum())
            values = {
                "pt": rng.exponential(60, size),
                "mass": rng.exponential(10, size),
                "charge": rng.choice([-1, 1], size),
                "btag": rng.random(size),
            }.get(field, rng.uniform(-3, 3, size))
            flat = pa.array(values.astype(np.int32 if field == "charge" else np.float32))
            columns[f"{name}_{field}"] = flat if name == "MET" else pa.ListArray.from_arrays(offsets, flat)
    return columns


def write_events(folder: Path, columns: dict[str, Any], missing: tuple[str, ...] = ()) -> Path:
    kept = {name: values for name, values in columns.items() if name.split("_")[0] not in missing}
    schema = {"columns": dict.fromkeys(kept, ""), "missing": list(missing), "btag_medium": 0.7}
    with publish(folder, Nothing(), stage="ingest_events") as publication:
        table = pa.table(kept)
        table = table.cast(required(table.schema))
        pq.write_table(table, publication.payload("events.parquet"), row_group_size=150)
        publication.payload("schema.json").write_text(json.dumps(schema))
    return folder


def tokenise(top: Path, data: Path, settings: EventTokenSettings, scaling_from: Path | None = None) -> Path:
    quality, output = top / "quality", top / f"{data.name}-tokens"
    with publish(quality, Nothing(), stage="check_quality") as publication:
        publication.payload("quality.json").write_text("{}")
    spec = tokenize_events.Spec(
        output=output, name=data.name, data=data, settings=settings, quality=quality, scaling_from=scaling_from
    )
    tokenize_events.run(spec)
    return output


def read_arrays(folder: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.load(load_payload(folder, path.name)) for path in sorted(folder.glob("*.npy"))}


def read_encoding(folder: Path) -> EventEncoding:
    return EventEncoding.model_validate_json(load_payload(folder, "encoding.json").read_text())


def test_arrays_have_the_shapes_and_types_of_the_contract(tmp_path: Path) -> None:
    tokens = tokenise(tmp_path, write_events(tmp_path / "data", make_columns()), EventTokenSettings())
    arrays = read_arrays(tokens)
    events, objects = len(arrays["split"]), len(arrays["slot"])
    assert 50 < events < EVENTS
    assert 4 * events < objects < 6 * events
    assert {name: (array.dtype.str, array.shape[1:]) for name, array in arrays.items()} == {
        "features": ("<f4", (9,)),
        "types": ("|i1", ()),
        "kinematics": ("<f4", (5,)),
        "slot": ("|i1", ()),
        "offsets": ("<i8", ()),
        "weights": ("<f4", ()),
        "split": ("|u1", ()),
        "identity": ("<u8", ()),
        "process": ("<i2", ()),
    }
    lengths = {name: len(array) for name, array in arrays.items()}
    assert lengths.pop("offsets") == events + 1
    assert {lengths.pop(name) for name in ("features", "types", "kinematics", "slot")} == {objects}
    assert set(lengths.values()) == {events}
    assert (np.diff(arrays["offsets"]) > 0).all()
    assert arrays["offsets"][[0, -1]].tolist() == [0, objects]
    assert read_encoding(tokens).cut_flow["filled_slots"] == events
    assert set(read_manifest(tokens).inputs) == {(tmp_path / name).as_posix() for name in ("data", "quality")}


def check_dense(tokens: Path, data: Path, settings: EventTokenSettings) -> None:
    """Compare with all events selected, encoded and scaled in slots, at once."""
    schema = json.loads((data / "schema.json").read_text())
    events = ak.from_parquet(data / "events.parquet")
    present = available_objects(settings, schema["columns"], "data")
    selected = select_events(events, settings, present, float(schema.get("btag_medium") or 0.0))
    types, encoding = selected.types, read_encoding(tokens)
    unscaled = encode(selected.kinematics, types, settings.features)
    expected = types, selected.kinematics, encoding.scaling.apply(unscaled, types)
    for found, values in zip(read_dense(tokens, ("types", "kinematics", "features")), expected, strict=True):
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)


def test_objects_return_to_the_slots_they_were_selected_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenize_events, "CHUNK_EVENTS", 170)
    data = write_events(tmp_path / "data", make_columns())
    check_dense(tokenise(tmp_path, data, EventTokenSettings()), data, EventTokenSettings())


def test_features_are_the_scaled_encoding(tmp_path: Path) -> None:
    tokens = tokenise(tmp_path, write_events(tmp_path / "data", make_columns()), EventTokenSettings())
    arrays, encoding = read_arrays(tokens), read_encoding(tokens)
    train = np.repeat(arrays["split"] == 0, np.diff(arrays["offsets"]))
    unscaled = encode(arrays["kinematics"], arrays["types"], encoding.features)
    scaled = (unscaled - np.array(encoding.scaling.mean)) / np.array(encoding.scaling.std)
    np.testing.assert_allclose(arrays["features"], scaled, atol=1e-5)
    objects = arrays["features"][train]
    np.testing.assert_allclose(objects[:, :5].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(objects[:, :5].std(axis=0), 1, atol=1e-4)
    assert set(np.unique(objects[:, 5:])) == {0, 1}


def test_rows_keep_their_identity_split_weight_and_process(tmp_path: Path) -> None:
    columns = make_columns()
    arrays = read_arrays(tokenise(tmp_path, write_events(tmp_path / "data", columns), EventTokenSettings()))
    rows = np.array([list(columns["identity"].to_numpy()).index(value) for value in arrays["identity"]])
    assert (np.diff(rows) > 0).all()
    np.testing.assert_allclose(arrays["weights"], columns["weight"].to_numpy()[rows], rtol=1e-6)
    met = arrays["kinematics"][arrays["slot"] == 1]
    np.testing.assert_allclose(met[:, 0], columns["MET_pt"].to_numpy()[rows])
    np.testing.assert_array_equal(arrays["split"], assign_split(arrays["identity"], 0.1, 0.2))
    names = np.array(read_encoding(tmp_path / "data-tokens").processes)[arrays["process"]]
    assert names.tolist() == [columns["process"][int(row)].as_py() for row in rows]


def test_chunks_do_not_change_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_events(tmp_path / "data", make_columns())
    whole = read_arrays(tokenise(tmp_path, data, EventTokenSettings()))
    monkeypatch.setattr(tokenize_events, "CHUNK_EVENTS", 170)
    parts = read_arrays(tokenise(tmp_path, data, EventTokenSettings()))
    for name in set(whole) - {"features"}:
        np.testing.assert_array_equal(parts[name], whole[name])
    np.testing.assert_allclose(parts["features"], whole["features"], atol=1e-5)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    data = write_events(tmp_path / "data", make_columns())
    first = read_manifest(tokenise(tmp_path, data, EventTokenSettings()))
    assert read_manifest(tokenise(tmp_path, data, EventTokenSettings())) == first


def test_scaling_of_other_tokens_is_reused(tmp_path: Path) -> None:
    columns = make_columns(labelled=False)
    first = tokenise(tmp_path, write_events(tmp_path / "first", columns), EventTokenSettings())
    shifted = {**columns, "identity": pa.array(np.arange(EVENTS, dtype=np.uint64))}
    second = tokenise(tmp_path, write_events(tmp_path / "second", shifted), EventTokenSettings(), first)
    own = tokenise(tmp_path, write_events(tmp_path / "own", shifted), EventTokenSettings())
    assert read_encoding(second).scaling == read_encoding(first).scaling != read_encoding(own).scaling
    assert first.as_posix() in read_manifest(second).inputs
    np.testing.assert_array_equal(read_arrays(second)["features"], read_arrays(first)["features"])


def test_scaling_of_other_features_is_refused(tmp_path: Path) -> None:
    data = write_events(tmp_path / "data", make_columns())
    first = tokenise(tmp_path, data, EventTokenSettings())
    other = write_events(tmp_path / "other", make_columns())
    with pytest.raises(FormatError, match="expected pt, eta, type_lepton"):
        tokenise(tmp_path, other, EventTokenSettings(features=("pt", "eta", "type")), first)
    assert not list((tmp_path / "other-tokens").glob("*"))


def test_unlabelled_and_unscaled(tmp_path: Path) -> None:
    data = write_events(tmp_path / "data", make_columns(labelled=False))
    tokens = tokenise(tmp_path, data, EventTokenSettings(scaling="none"))
    arrays, encoding = read_arrays(tokens), read_encoding(tokens)
    assert encoding.processes == ()
    assert (arrays["process"] == -1).all()
    np.testing.assert_array_equal(arrays["features"], encode(arrays["kinematics"], arrays["types"], encoding.features))


def test_missing_jets_leave_slots_empty_and_cuts_on_them_an_error(tmp_path: Path) -> None:
    data = write_events(tmp_path / "data", make_columns(), missing=("Jet", "Electron"))
    with pytest.raises(ConfigError, match=r"tokens.jets_min is 2 but .* has no Jet; set it to 0"):
        tokenise(tmp_path, data, EventTokenSettings())
    arrays = read_arrays(tokenise(tmp_path, data, EventTokenSettings(jets_min=0)))
    assert set(np.unique(arrays["types"])) == {1, 4}
    assert set(np.unique(arrays["slot"])) == {0, 1}


def test_selection_that_nothing_passes_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    data = write_events(tmp_path / "data", make_columns())
    with pytest.raises(ConfigError, match="no event passes the selection"):
        tokenise(tmp_path, data, EventTokenSettings(leptons_min=50))
    assert not list((tmp_path / "data-tokens").glob("*"))


def test_damaged_input_is_noticed(tmp_path: Path) -> None:
    data = write_events(tmp_path / "data", make_columns())
    path = data / "events.parquet"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CorruptPayloadError, match=r"events\.parquet has sha256"):
        tokenise(tmp_path, data, EventTokenSettings())


@pytest.mark.parametrize("sizes", [(), (0,), (3, 4), (1, 0, 70_000)])
def test_growing_array_equals_concatenation(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.random((size, 3)).astype(np.float32) for size in sizes]
    with tokenize_events.GrowingArray(tmp_path / "a.npy", "<f4", 3) as array:
        for part in parts:
            array.append(part)
    expected = np.concatenate([np.zeros((0, 3), np.float32), *parts])
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r" if len(expected) else None), expected)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_real_muons(tmp_path: Path) -> None:
    from prehep.stages import ingest_events

    with publish(tmp_path / "file", Nothing(), stage="fetch_file") as publication:
        shutil.copy(MUON_FILE, publication.payload(MUON_FILE.name))
    missing = ("run", "luminosityBlock", "event", "Electron", "Jet", "MET")
    ingest_events.run(
        ingest_events.Spec(
            output=tmp_path / "data",
            dataset="muons_2012",
            reader="nanoaod_2012",
            shards=(tmp_path / "file",),
            missing=missing,
        )
    )
    tokens = tokenise(tmp_path, tmp_path / "data", MUON_SETTINGS)
    arrays, encoding = read_arrays(tokens), read_encoding(tokens)
    assert encoding.missing == missing
    assert encoding.cut_flow["all"] == 100_000
    assert len(arrays["split"]) == 96_671
    assert "mass" not in encoding.columns
    assert (arrays["types"] == 1).all()
    np.testing.assert_allclose(arrays["kinematics"][:, 3], 0.10566, atol=1e-4)
    assert set(np.unique(arrays["kinematics"][:, 4])) == {-1, 1}
    (kinematics,) = read_dense(tokens, ("kinematics",))
    pt = kinematics[..., 0]
    assert (pt[:, 0] >= pt[:, 1]).all()
    check_dense(tokens, tmp_path / "data", MUON_SETTINGS)
    fractions = np.bincount(arrays["split"]) / len(pt)
    np.testing.assert_allclose(fractions, [0.7, 0.1, 0.2], atol=0.01)
