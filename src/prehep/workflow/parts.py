"""The lazy maps from a kind of data or model to the code that only this kind needs.

The workflow writes the entry into the specification of a job and its module beside it, for the fingerprint. No stage
reads these maps, so a kind that is added here reruns nothing.
"""

from collections.abc import Mapping

from prehep.core.lazy import module_of

PARTICLE_SOURCES = {
    "muon_gun": "prehep.data.simulate.muon_gun:MuonGun",
    "ttbar": "prehep.data.simulate.tracker_collisions:TopPairs",
}
CERTIFIED_READER = "prehep.data.certified:read_certified_runs"
CHECKS = {
    "events": "prehep.data.event_quality:check_events",
    "tracks": "prehep.data.track_quality:check_tracks",
}
READERS = {
    "events": "prehep.stages.event_arrays:EVENTS",
    "tracks": "prehep.stages.track_tokens:TRACKS",
}
EVALUATIONS = {
    "events": "prehep.stages.event_evaluation:evaluate_events",
    "tracks": "prehep.stages.track_evaluation:evaluate_tracks",
}
BASELINES = {
    "flat": "prehep.stages.flat_trees:FlatTrees",
    "engineered": "prehep.stages.engineered_trees:EngineeredTrees",
    "ngram": "prehep.stages.ngram_baseline:NGramBaseline",
}
ENCODER_LOADER = "prehep.stages.pretrained_encoder:load_encoder"
STUDY_TABLES = {
    "events": "prehep.stages.event_study:EventTables",
    "tracks": "prehep.stages.track_study:TrackTables",
}


def modules_of(parts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the modules of the entries of a specification."""
    return tuple(module_of(entry) for entry in parts.values())
