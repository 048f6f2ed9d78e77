"""The stage that turns hits into tracks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prehep.core.config.splits import SplitSettings
from prehep.core.config.track_tokens import TrackTokenSettings
from prehep.core.errors import FormatError
from prehep.core.manifest import load_payload, publish, read_manifest
from prehep.core.settings import Settings
from prehep.stages.tokenize_tracks import Spec, event_chunks, run, track_identities
from prehep.stages.track_tokens import read_track_data

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
EVENTS, PARTICLES, HITS = 30, 4, 6


class Upstream(Settings):
    """Stands for the specification of an upstream stage."""

    name: str


def detector() -> pd.DataFrame:
    layer, module = (axis.ravel() for axis in np.mgrid[1 : HITS + 1, 1:9])
    place = {"cx": 30.0 * layer, "cy": 5.0 * module, "cz": 0.0}
    return pd.DataFrame({"volume": 8, "layer": 2 * layer, "module": module, **place}).astype(
        dict.fromkeys(("volume", "layer", "module"), "int32")
    )


def events(first: int = 0, number: int = EVENTS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return hits and particles of some events; event n has the same content whatever else there is."""
    hits, particles = [], []
    for event in range(first, first + number):
        random = np.random.default_rng(event)
        particle, layer = (axis.ravel() for axis in np.mgrid[1 : PARTICLES + 1, 1 : HITS + 1])
        frame = pd.DataFrame({"event": event, "hit_id": np.arange(1, len(layer) + 1)})
        frame[["x", "y", "z"]] = random.normal(0, 1, (len(layer), 3)).astype(np.float32)
        frame["x"] += np.float32(30) * layer.astype(np.float32)
        frame["volume"], frame["layer"], frame["module"] = 8, 2 * layer, random.integers(1, 9, len(layer))
        frame["particle_id"] = particle.astype(np.uint64)
        frame["weight"] = np.float32(1)
        hits.append(frame.sample(frac=1, random_state=event))
        momentum = random.normal(size=(2, PARTICLES))
        identity = np.arange(1, PARTICLES + 1, dtype=np.uint64)
        particles.append(pd.DataFrame({"event": event, "particle_id": identity, "px": momentum[0], "py": momentum[1]}))
    return pd.concat(hits), pd.concat(particles)


def write_folder(
    folder: Path, hits: pd.DataFrame, particles: pd.DataFrame, modules: pd.DataFrame, rows: int = 50
) -> Path:
    """Write what ingest_tracks leaves."""
    tables = {"hits": hits, "particles": particles, "modules": modules}
    with publish(folder, Upstream(name="data"), stage="ingest_tracks") as publication:
        for name, table in tables.items():
            arrow = pa.Table.from_pandas(table, preserve_index=False)
            pq.write_table(arrow, publication.payload(f"{name}.parquet"), row_group_size=rows)
    return folder


def make_spec(tmp_path: Path, data: Path, **settings: object) -> Spec:
    quality = tmp_path / "quality"
    with publish(quality, Upstream(name="quality"), stage="check_quality") as publication:
        publication.payload("quality.json").write_text("{}")
    given = {"volumes": (8,), "split": SplitSettings(valid=0.2, test=0.2)} | settings
    token_settings = TrackTokenSettings.model_validate(given)
    return Spec(
        output=tmp_path / f"tokens-{data.name}", name="tracks", data=data, settings=token_settings, quality=quality
    )


def load(folder: Path) -> dict[str, np.ndarray]:
    names = [name for name in read_manifest(folder).payloads if name.endswith(".npy")]
    return {name.removesuffix(".npy"): np.load(load_payload(folder, name)) for name in names}


def test_arrays_have_their_types_and_shapes(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, write_folder(tmp_path / "data", *events(), detector()))
    manifest = run(spec)
    arrays = load(spec.output)
    tracks, hits = EVENTS * PARTICLES, EVENTS * PARTICLES * HITS
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} == {
        "tokens": ("int32", (hits,)),
        "offsets": ("int64", (tracks + 1,)),
        "positions": ("float32", (hits, 3)),
        "pt": ("float32", (tracks,)),
        "event": ("int64", (tracks,)),
        "split": ("uint8", (tracks,)),
        "identity": ("uint64", (tracks,)),
    }
    assert manifest.stage == "tokenize_tracks"
    assert (arrays["pt"] > 0).all()
    distance = np.linalg.norm(arrays["positions"], axis=1).reshape(tracks, HITS)
    assert (np.diff(distance, axis=1) >= 0).all()


def test_training_reads_what_was_written(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, write_folder(tmp_path / "data", *events(), detector()))
    run(spec)
    data = read_track_data(spec.output)
    assert len(data) == EVENTS * PARTICLES
    assert len(data.vocabulary) == 5 + HITS * 8
    assert data.batch(np.arange(3))["tokens"].shape == (3, HITS + 2)


def test_an_event_is_in_one_split_and_each_split_has_events(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, write_folder(tmp_path / "data", *events(), detector()))
    run(spec)
    table = pd.DataFrame({name: load(spec.output)[name] for name in ("event", "split", "identity")})
    assert (table.groupby("event")[["split", "identity"]].nunique() == 1).all(axis=None)
    assert table["identity"].nunique() == EVENTS
    assert set(table["split"]) == {0, 1, 2}


def test_split_of_an_event_does_not_change_when_events_are_added(tmp_path: Path) -> None:
    splits = {}
    for name, first, number in (("all", 0, EVENTS), ("some", 10, 8)):
        spec = make_spec(tmp_path, write_folder(tmp_path / name, *events(first, number), detector()))
        run(spec)
        arrays = load(spec.output)
        splits[name] = dict(zip(arrays["event"].tolist(), arrays["split"].tolist(), strict=True))
    assert len(splits["some"]) == 8
    assert splits["some"].items() <= splits["all"].items()


@pytest.mark.parametrize("rows", [7, 24, 10_000])
def test_row_groups_do_not_matter(tmp_path: Path, rows: int) -> None:
    hits, particles = events()
    folder = write_folder(tmp_path / "data", hits, particles, detector(), rows)
    chunks = list(event_chunks(folder / "hits.parquet"))
    columns = chunks[0].columns.tolist()
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), hits[columns].reset_index(drop=True))
    found = [set(chunk["event"]) for chunk in chunks]
    assert sum(map(len, found)) == EVENTS


def test_identity_follows_content_and_number() -> None:
    hits, _ = events(3, 2)
    event = np.array([4, 3, 4])
    identity = track_identities(hits, event)
    assert identity[0] == identity[2] != identity[1]
    moved = hits.assign(x=hits["x"] + (hits["event"] == 4) * np.float32(1))
    changed = track_identities(moved, event)
    assert changed[1] == identity[1]
    assert changed[0] != identity[0]


def test_no_track_is_one_sentence(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, write_folder(tmp_path / "data", *events(), detector()), hits_min=7, hits_max=8)
    with pytest.raises(FormatError, match="no track with 7 to 8 hits"):
        run(spec)
    assert not (spec.output / "manifest.json").exists()


def test_wrong_detector_is_one_sentence(tmp_path: Path) -> None:
    detector_file = detector().query("module < 8")
    spec = make_spec(tmp_path, write_folder(tmp_path / "data", *events(), detector_file))
    with pytest.raises(FormatError, match="hits lie on modules"):
        run(spec)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_real_trackml_event_gives_tracks(tmp_path: Path) -> None:
    stem = SHARED / "trackml" / "event000000001"
    columns = {"volume_id": "volume", "layer_id": "layer", "module_id": "module"}
    truth = pd.read_csv(f"{stem}-truth.csv.gz", usecols=["hit_id", "particle_id"], dtype={"particle_id": "uint64"})
    hits = pd.read_csv(f"{stem}-hits.csv.gz").rename(columns=columns).merge(truth, on="hit_id").assign(event=1)
    particles = pd.read_csv(f"{stem}-particles.csv.gz", dtype={"particle_id": "uint64"}).assign(event=1)
    modules = pd.read_csv(stem.parent / "detectors.csv.gz", index_col=0).rename(columns=columns)
    data = write_folder(tmp_path / "trackml", hits, particles, modules, 30_000)
    spec = make_spec(tmp_path, data, volumes=(7, 8, 9))
    run(spec)
    arrays, found = load(spec.output), read_track_data(spec.output)
    assert len(found.vocabulary) == 4_009
    pixels = hits[hits["volume"].isin([7, 8, 9]) & (hits["particle_id"] != 0)]
    counts = pixels["particle_id"].value_counts()
    assert len(found) == counts.between(4, 8).sum() > 200
    assert found.lengths.sum() == counts[counts.between(4, 8)].sum()
    assert np.isfinite(arrays["pt"]).all()
    inside = np.hypot(arrays["positions"][:, 0], arrays["positions"][:, 1])
    assert inside.max() < 200
    centres = found.vocabulary.centres[arrays["tokens"]]
    assert np.linalg.norm(arrays["positions"] - centres, axis=1).max() < 50
