"""Stage simulate_tracks: shards, payloads, determinism."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from prehep.core.config.track_simulation import SimulatedTracks
from prehep.core.manifest import load_payload, read_manifest
from prehep.stages.simulate_tracks import Spec, run, shard_events
from prehep.workflow.parts import PARTICLE_SOURCES

pytest.importorskip("acts")

CONFIG = Path(__file__).parents[2] / "config" / "datasets"
GUN = SimulatedTracks(title="gun", generator="muon_gun", events=2, shards=1, muons=20)
PIXELS = GUN.model_copy(update={"detector": "pixels"})
TOP = SimulatedTracks(title="top", generator="ttbar", events=3, shards=3, pile_up=1, detector="pixels")


def simulate(output: Path, settings: SimulatedTracks, shard: int = 0) -> dict[str, str]:
    manifest = run(
        Spec(
            output=output,
            dataset="tracks",
            settings=settings,
            particles=PARTICLE_SOURCES[settings.generator],
            shard=shard,
        )
    )
    return {name: payload.sha256 for name, payload in manifest.payloads.items()}


@pytest.fixture(scope="module")
def gun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracks") / "gun"
    simulate(folder, GUN)
    return folder


@pytest.mark.parametrize(("events", "shards"), [(10, 3), (7, 7), (100, 8)])
def test_shards_hold_every_event_once(events: int, shards: int) -> None:
    numbers = [event for shard in range(shards) for event in shard_events(events, shards, shard)]
    assert numbers == list(range(1, events + 1))


def test_shard_beyond_the_last_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="shard is 1, expected less than"):
        Spec(output=tmp_path, dataset="tracks", settings=GUN, particles=PARTICLE_SOURCES["muon_gun"], shard=1)


def test_payloads(gun: Path) -> None:
    parts = ("hits", "particles", "truth")
    expected = {f"event00000000{event}-{part}.csv.gz" for event in (1, 2) for part in parts}
    assert set(read_manifest(gun).payloads) == expected | {"detectors.csv.gz"}
    assert {path.name for path in gun.iterdir()} == expected | {"detectors.csv.gz", "manifest.json", "run_info.json"}


def test_files_agree_with_each_other(gun: Path) -> None:
    hits, truth, particles = (
        pd.read_csv(load_payload(gun, f"event000000001-{part}.csv.gz")) for part in ("hits", "truth", "particles")
    )
    detectors = pd.read_csv(load_payload(gun, "detectors.csv.gz"))
    assert len(detectors) == 18_728
    assert hits.hit_id.tolist() == truth.hit_id.tolist() == list(range(1, len(hits) + 1))
    assert truth.particle_id.isin(particles.particle_id).all()
    counted = truth.groupby("particle_id").size().reindex(particles.particle_id, fill_value=0)
    assert counted.tolist() == particles.nhits.tolist()
    names = ["volume_id", "layer_id", "module_id"]
    assert len(hits.merge(detectors, on=names)) == len(hits)
    assert truth.weight.sum() == pytest.approx(1, abs=1e-4)


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    pixels = PIXELS.model_copy(update={"noise_fraction": 0.1, "inefficiency": 0.1})
    first = simulate(tmp_path / "first", pixels)
    assert simulate(tmp_path / "again", pixels) == first
    other = simulate(tmp_path / "other", pixels.model_copy(update={"seed": 2}))
    assert other["detectors.csv.gz"] == first["detectors.csv.gz"]
    assert all(other[name] != first[name] for name in first if name != "detectors.csv.gz")


def test_noise_and_lost_hits_reach_the_files(tmp_path: Path) -> None:
    simulate(tmp_path / "clean", PIXELS)
    simulate(tmp_path / "dirty", PIXELS.model_copy(update={"noise_fraction": 0.3, "inefficiency": 0.2}))
    clean, dirty = (pd.read_csv(tmp_path / name / "event000000001-truth.csv.gz") for name in ("clean", "dirty"))
    noise = dirty.particle_id == 0
    assert noise.mean() == pytest.approx(0.3, abs=0.15)
    assert (~noise).sum() == pytest.approx(0.8 * len(clean), abs=5 * np.sqrt(0.16 * len(clean)))
    assert (dirty.weight[noise] == 0).all()


def test_events_do_not_depend_on_their_shard(tmp_path: Path) -> None:
    pytest.importorskip("pythia8mc")
    shard = simulate(tmp_path / "shard", TOP, shard=1)
    whole = simulate(tmp_path / "whole", TOP.model_copy(update={"shards": 1}))
    assert set(shard) == {f"event000000002-{part}.csv.gz" for part in ("hits", "truth", "particles")} | {
        "detectors.csv.gz"
    }
    assert all(whole[name] == digest for name, digest in shard.items())


def test_libraries_print_nothing_and_leave_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    simulate(tmp_path / "output", TOP if find_spec("pythia8mc") else PIXELS)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    assert not list(elsewhere.glob("*"))


@pytest.mark.parametrize("name", ["tracks_gun", "tracks_ttbar"])
def test_shipped_datasets_are_valid(name: str) -> None:
    settings = SimulatedTracks(**yaml.safe_load((CONFIG / f"{name}.yaml").read_text(encoding="utf-8")))
    assert settings.events >= settings.shards
