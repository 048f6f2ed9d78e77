"""Stage check_quality: counts, missing fractions, ranges and duplicates of an ingested dataset."""

import json
from pathlib import Path

from pydantic import Field

from prehep.core.lazy import Entry, load
from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.core.specification import StageSpec


class Spec(StageSpec):
    """Check one ingested dataset."""

    dataset: str
    check: Entry = Field(description="what checks data of this kind")
    data: Path


def run(spec: Spec) -> Manifest:
    """Write `quality.json`.

    Raises:
        QualityError: the data break a rule that later stages rely on.
    """
    with publish(spec.output, spec, stage="check_quality", code=spec.code, inputs=[spec.data]) as publication:
        for name in read_manifest(spec.data).payloads:
            load_payload(spec.data, name)
        summary = load(spec.check)(spec.data, spec.dataset)
        publication.payload("quality.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return read_manifest(spec.output)
