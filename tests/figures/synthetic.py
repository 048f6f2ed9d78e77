"""Small tables with the columns that aggregate_study writes, for tests that draw."""

import numpy as np
import pandas as pd

from prehep.evaluation.histograms import EventSample, dimuon_spectrum, object_distributions
from prehep.evaluation.label_efficiency import label_comparison, label_summary, tuned_choices

BASE = {
    "pretrained": (0.60, 0.045),
    "scratch_tuned": (0.57, 0.05),
    "scratch_published": (0.54, 0.02),
    "trees_flat": (0.52, 0.03),
    "trees_engineered": (0.61, 0.04),
}


def efficiency() -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = [
        ("event_pretraining", model, n_labels, seed, start + gain * index + random.normal(0, 0.01 / (index + 1)))
        for model, (start, gain) in BASE.items()
        for index, n_labels in enumerate((64, 256, 1024))
        for seed in (1, 2, 3)
    ]
    return pd.DataFrame(rows, columns=["study", "model", "n_labels", "seed", "auc"])


def event_sample(events: int, seed: int, scale: float = 40.0, *, weighted: bool = False) -> EventSample:
    random = np.random.default_rng(seed)
    types = np.tile(np.array([1, 4, 2, 2, 3, 3], dtype=np.int8), (events, 1))
    types[:, 2:][random.random((events, 4)) < 0.3] = 0
    kinematics = np.zeros((events, 6, 5), dtype=np.float32)
    kinematics[..., 0] = 25 + random.exponential(scale, (events, 6))
    kinematics[..., 1] = random.uniform(-2.4, 2.4, (events, 6))
    kinematics[..., 2] = random.uniform(-np.pi, np.pi, (events, 6))
    kinematics[..., 3] = random.gamma(4, 2, (events, 6))
    kinematics[:, 0, 3:] = np.where(random.random((events, 1)) < 0.5, (0.000511, 1), (0.10566, -1))
    weights = random.exponential(1, events) if weighted else np.ones(events)
    kinematics[types == 0] = 0
    return EventSample(kinematics, types, weights.astype(np.float32))


def muon_sample(events: int, seed: int) -> EventSample:
    random = np.random.default_rng(seed)
    mass = np.concatenate(
        [
            random.normal(91.2, 2.5, events // 3),
            random.normal(3.097, 0.04, events // 3),
            np.exp(random.uniform(-0.5, 4.5, events)),
        ]
    )
    count = len(mass)
    kinematics = np.zeros((count, 4, 5), dtype=np.float32)
    kinematics[:, :2, 3] = 0.10566
    kinematics[:, :2, 0] = np.abs(mass[:, None] / 2)
    kinematics[:, 0, 2], kinematics[:, 1, 2] = 0.0, np.pi
    kinematics[:, 0, 4], kinematics[:, 1, 4] = 1, -1
    types = np.tile(np.array([1, 1, 0, 0], dtype=np.int8), (count, 1))
    return EventSample(kinematics, types, np.ones(count, dtype=np.float32))


def accuracy() -> pd.DataFrame:
    values = {
        "mdm_geometry": (0.95, 0.85, 0.70),
        "mdm_token": (0.89, 0.51, 0.22),
        "mdm_mixed": (0.94, 0.83, 0.68),
        "ngram": (0.91, 0.70, 0.60),
    }
    rows = []
    for sample, n in (("tracks_gun", 5000), ("tracks_ttbar", 3000), ("trackml", 300)):
        for model, by_position in values.items():
            for place, value in zip(
                ("first", "middle", "last", "all"), (*by_position, sum(by_position) / 3), strict=True
            ):
                rows.append((sample, model, "masked", place, n, value, min(value + 0.06, 1.0)))
                if model != "ngram":
                    visible = 0.99 if model == "mdm_mixed" else 0.3
                    rows.append((sample, model, "visible", place, n, visible, visible))
    columns = ["sample", "model", "input", "position", "n", "exact_accuracy", "within_20mm"]
    return pd.DataFrame(rows, columns=columns)


def distance() -> pd.DataFrame:
    grid = np.arange(201)
    tables = [
        pd.DataFrame(
            {
                "sample": row.sample,
                "model": row.model,
                "input": row.input,
                "position": row.position,
                "distance_mm": grid,
                "cumulative": 1 - (1 - row.exact_accuracy) * np.exp(-(grid // 17) * 0.5),
            }
        )
        for row in accuracy().itertuples()
    ]
    return pd.concat(tables, ignore_index=True)


def curves() -> pd.DataFrame:
    steps = np.arange(100, 2001, 100)
    runs = {"event_pretraining": ("masked_type",), "tracking_bert": ("mdm_token", "mdm_geometry", "mdm_mixed")}
    tables = [
        pd.DataFrame(
            {
                "study": study,
                "run": run,
                "step": steps,
                "learning_rate": 1e-3,
                "train_loss": 4 * np.exp(-steps / 600) + 0.5,
                "valid_loss": 4 * np.exp(-steps / 600) + 0.55,
                "valid_loss_masked": 4 * np.exp(-steps / 600) + 0.55,
                "valid_loss_all": 3 * np.exp(-steps / 600) + 0.25,
            }
        )
        for study, names in runs.items()
        for run in names
    ]
    return pd.concat(tables, ignore_index=True)


def samples() -> pd.DataFrame:
    rows = [
        ("pseudo_data", "prehep_simulation", 20000, "Pseudo-data cocktail"),
        ("ttbar", "prehep_simulation", 5000, "tt̄ semileptonic"),
        ("signal", "prehep_simulation", 5000, "2HDM (425, 325)"),
        ("tracks_gun", "prehep_simulation", 40000, "Muon gun"),
        ("tracks_ttbar", "prehep_simulation", 30000, "tt̄ with pile-up"),
        ("trackml", "trackml_simulation", 3000, "TrackML event 1000"),
        ("muons_2012", "collisions", 100000, "CMS Open Data 2012 dimuons"),
    ]
    table = pd.DataFrame(rows, columns=["sample", "origin", "events", "title"])
    return table.assign(pretrained_on=table["sample"].isin(["pseudo_data", "tracks_gun", "tracks_ttbar"]))


def tables() -> dict[str, pd.DataFrame]:
    table = efficiency()
    events = {
        "pseudo_data": event_sample(6000, 1, weighted=True),
        "ttbar": event_sample(3000, 2, 45),
        "signal": event_sample(3000, 3, 60),
    }
    return {
        "label_efficiency": table,
        "label_summary": label_summary(table),
        "label_comparison": label_comparison(table, (5000, 5000)),
        "tuned_choices": tuned_choices([table.assign(learning_rate=0.003, steps=400)], []),
        "object_distributions": object_distributions(events),
        "dimuon_mass": dimuon_spectrum({"muons_2012": muon_sample(20000, 4)}),
        "mdm_accuracy": accuracy(),
        "mdm_distance": distance(),
        "training_curves": curves(),
        "samples": samples(),
        "masked_accuracy": masked_accuracy(),
        "mixture": mixture(),
    }


def masked_accuracy() -> pd.DataFrame:
    rows = [
        ("pseudo_data", "masked_type", "masked", "type", "all", 9000, 0.81, 0.37),
        ("pseudo_data", "masked_type", "masked", "type", "b-jet", 3000, 0.62, 0.0),
        ("pseudo_data", "masked_type", "masked", "type", "light jet", 3500, 0.75, 1.0),
        ("pseudo_data", "masked_type", "visible", "type", "all", 9000, 0.99, 0.37),
    ]
    return pd.DataFrame(rows, columns=["sample", "model", "input", "target", "class", "n", "accuracy", "majority"])


def mixture() -> pd.DataFrame:
    rows = [("ttbar", 0.6, 12000, 90.0, 0.0075), ("w_jets", 0.4, 8000, 900.0, 0.1125)]
    return pd.DataFrame(rows, columns=["process", "fraction", "events", "cross_section_pb", "weight_pb"])


def event_facts() -> pd.DataFrame:
    facts = {
        "kind": "events",
        "task": "processes",
        "task_origin": "prehep_simulation",
        "data_origin": "prehep_simulation",
        "task_title": "signal 2hdm against background ttbar",
        "reference_pretrained": "0.79",
        "reference_scratch": "0.6963",
        "test_signal": "3000",
        "test_background": "3100",
    }
    return pd.DataFrame(list(facts.items()), columns=["name", "value"])


def track_facts() -> pd.DataFrame:
    return pd.DataFrame([("kind", "tracks")], columns=["name", "value"])
