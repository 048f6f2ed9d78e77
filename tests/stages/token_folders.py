"""Finished folders of tokens for the tests of stages that train."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from prehep.core.manifest import Publication, publish
from prehep.core.settings import Settings

PROCESSES = {"signal": 1.0, "background": 0.0}


class NoSpec(Settings):
    """A specification without fields."""

    name: str


def write_event_tokens(folder: Path, events: int = 600, seed: int = 1, shift: float = 0.0) -> Path:
    """Write random events of two opposite muons; `shift` moves the pt, so that two folders can be told apart."""
    random = np.random.default_rng(seed)
    slots = 2
    kinematics = np.stack(
        [
            random.exponential(10, (events, slots)) + 35 + shift,
            random.normal(0, 1, (events, slots)),
            random.uniform(-np.pi, np.pi, (events, slots)),
            np.full((events, slots), 0.1057),
            np.tile([1.0, -1.0], (events, 1)),
        ],
        axis=-1,
    ).astype(np.float32)
    angles = kinematics[..., 2]
    features = np.stack(
        [np.log10(kinematics[..., 0] + 1), kinematics[..., 1], np.sin(angles), np.cos(angles), kinematics[..., 4]], -1
    )
    columns = ["pt", "eta", "sin_phi", "cos_phi", "charge"]
    arrays = {
        "features": features.astype(np.float32).reshape(events * slots, -1),
        "types": np.ones(events * slots, np.int8),
        "kinematics": kinematics.reshape(events * slots, -1),
        "slot": np.tile(np.arange(slots, dtype=np.int8), events),
        "offsets": slots * np.arange(events + 1),
        "weights": np.full(events, 0.5, np.float32),
        "split": random.choice(3, events, p=[0.6, 0.2, 0.2]).astype(np.uint8),
    }
    encoding = {
        "slots": ["lepton", "lepton"],
        "features": columns,
        "columns": columns,
        "scaling": {"mean": [0.0] * 5, "std": [1.0] * 5},
    }
    with publish(folder, NoSpec(name=folder.name), stage="tokenize_events") as publication:
        for name, array in arrays.items():
            np.save(publication.payload(f"{name}.npy"), array)
        publication.payload("encoding.json").write_text(json.dumps(encoding))
    return folder


def write_track_tokens(folder: Path, tracks: int = 300, seed: int = 1) -> Path:
    """Write random straight tracks: module k is followed by module k + 1."""
    random = np.random.default_rng(seed)
    modules = 20
    lengths = random.integers(4, 9, tracks)
    starts = random.integers(5, 5 + modules - 8, tracks)
    tokens = np.concatenate([start + np.arange(length) for start, length in zip(starts, lengths, strict=True)])
    with publish(folder, NoSpec(name=folder.name), stage="tokenize_tracks") as publication:
        np.save(publication.payload("tokens.npy"), tokens.astype(np.int32))
        np.save(publication.payload("offsets.npy"), np.r_[0, np.cumsum(lengths)].astype(np.int64))
        np.save(publication.payload("split.npy"), random.choice(3, tracks, p=[0.6, 0.2, 0.2]).astype(np.uint8))
        write_vocabulary(publication, modules)
    return folder


def write_vocabulary(publication: Publication, modules: int) -> None:
    """Write modules in one volume, five to a layer."""
    index = np.arange(modules)
    table = pd.DataFrame(
        {
            "token": np.arange(modules + 5, dtype=np.int32),
            "volume": np.r_[[-1] * 5, [7] * modules].astype(np.int32),
            "layer": np.r_[[-1] * 5, 2 * (index // 5)].astype(np.int32),
            "module": np.r_[[-1] * 5, index].astype(np.int32),
            "cx": np.r_[[0.0] * 5, 30.0 + index],
            "cy": np.r_[[0.0] * 5, 10.0 * index],
            "cz": np.r_[[0.0] * 5, 20.0 * index],
        }
    )
    table.to_parquet(publication.payload("vocabulary.parquet"))
