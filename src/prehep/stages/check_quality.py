"""Stage check_quality: counts, missing fractions, ranges and duplicates of an ingested dataset."""

import json
from pathlib import Path
from typing import Literal

from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.data.quality import check_events, check_tracks
from prehep.stages.command import StageSpec


class Spec(StageSpec):
    """Check one ingested dataset."""

    dataset: str
    content: Literal["events", "tracks"]
    data: Path


def run(spec: Spec) -> Manifest:
    """Write `quality.json`.

    Raises:
        QualityError: the data break a rule that later stages rely on.
    """
    with publish(spec.output, spec, stage="check_quality", code=spec.code, inputs=[spec.data]) as publication:
        if spec.content == "events":
            record = json.loads(load_payload(spec.data, "schema.json").read_text(encoding="utf-8"))
            summary = check_events(load_payload(spec.data, "events.parquet"), record, spec.dataset)
        else:
            for name in ("hits.parquet", "particles.parquet", "modules.parquet"):
                load_payload(spec.data, name)
            summary = check_tracks(spec.data, spec.dataset)
        publication.payload("quality.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return read_manifest(spec.output)
