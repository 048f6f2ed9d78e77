"""What reads what in the smoke configuration, written by hand: by this the plans of the workflow are judged."""

from fnmatch import fnmatch

EVENTS = ("pseudo_data", "signal_2hdm", "background_ttbar")
TRACKS = ("tracks_gun", "tracks_ttbar")
BERT = ("bert_token", "bert_geometry", "bert_geometry_mixed")
SCRATCH = ("scratch_published", "scratch_tuned")
TREES = ("trees_flat", "trees_engineered")
FIGURES = {
    "label_efficiency": ("event_pretraining",),
    "object_distributions": ("event_pretraining",),
    "mdm_accuracy": ("tracking_bert",),
    "module_distance": ("tracking_bert",),
    "input_visibility": ("tracking_bert",),
    "training_curves": ("event_pretraining", "tracking_bert"),
}
TASK_TOKENS = {"tokenize_events signal_2hdm", "tokenize_events background_ttbar"}
TRACK_TOKENS = {f"tokenize_tracks {name}" for name in TRACKS}
READS: dict[str, set[str]] = {
    **{f"simulate_events {name}.000": set() for name in EVENTS},
    **{f"simulate_tracks {name}.000": set() for name in TRACKS},
    **{f"ingest_events {name}": {f"simulate_events {name}.000"} for name in EVENTS},
    **{f"ingest_tracks {name}": {f"simulate_tracks {name}.000"} for name in TRACKS},
    **{f"check_quality {name}": {f"ingest_events {name}"} for name in EVENTS},
    **{f"check_quality {name}": {f"ingest_tracks {name}"} for name in TRACKS},
    "tokenize_events pseudo_data": {"ingest_events pseudo_data", "check_quality pseudo_data"},
    **{
        f"tokenize_events {name}": {f"ingest_events {name}", f"check_quality {name}", "tokenize_events pseudo_data"}
        for name in ("signal_2hdm", "background_ttbar")
    },
    **{f"tokenize_tracks {name}": {f"ingest_tracks {name}", f"check_quality {name}"} for name in TRACKS},
    "pretrain_model masked_type": {"tokenize_events pseudo_data"},
    **{f"pretrain_model {name}": TRACK_TOKENS for name in BERT},
    "evaluate_model masked_type": {"pretrain_model masked_type"},
    **{f"evaluate_model {name}": {f"pretrain_model {name}"} for name in BERT},
    "finetune_sweep pretrained": {*TASK_TOKENS, "pretrain_model masked_type"},
    **{f"finetune_sweep {name}": TASK_TOKENS for name in SCRATCH},
    **{f"train_baseline {name}": TASK_TOKENS for name in TREES},
    "train_baseline ngram": TRACK_TOKENS,
    "aggregate_study event_pretraining": {
        "simulate_events pseudo_data.000",
        "tokenize_events pseudo_data",
        *TASK_TOKENS,
        "evaluate_model masked_type",
        *(f"finetune_sweep {name}" for name in ("pretrained", *SCRATCH)),
        *(f"train_baseline {name}" for name in TREES),
    },
    "aggregate_study tracking_bert": {"train_baseline ngram", *(f"evaluate_model {name}" for name in BERT)},
    **{f"plot_{name} smoke": {f"aggregate_study {study}" for study in studies} for name, studies in FIGURES.items()},
    "build_report smoke": {
        *(f"plot_{name} smoke" for name in FIGURES),
        *(f"check_quality {name}" for name in (*EVENTS, *TRACKS)),
    },
}
"""What each job reads; of what it reads by more than one way, the longest way is enough."""


def jobs(*patterns: str) -> set[str]:
    """Return the jobs that the patterns mean; each pattern must mean one."""
    found: set[str] = set()
    for pattern in patterns:
        matching = {job for job in READS if fnmatch(job, pattern)}
        assert matching, f"no job is called {pattern}"
        found |= matching
    return found


def affected(*patterns: str) -> set[str]:
    """Return the jobs that the patterns mean, and all that build on them, directly or not."""
    found = jobs(*patterns)
    while more := {job for job, inputs in READS.items() if inputs & found} - found:
        found |= more
    return found


def name_of(entry: dict[str, str]) -> str:
    """Return the name, as above, of an entry of `prehep status --json`."""
    folders = entry["run"].split("/")
    name = folders[1] if folders[0] == "results" else folders[-1].rpartition("-")[0]
    return f"{entry['stage']} {name}"
