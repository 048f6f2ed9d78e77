"""Stage ingest_tracks: TrackML CSV files to Parquet tables of hits, particles and modules."""

import json
from pathlib import Path

import pyarrow.parquet as pq
from pydantic import Field

from prehep.core.logging import progress
from prehep.core.manifest import Manifest, Publication, load_payload, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.data.archives import Member, open_members
from prehep.data.parquet import column_types, write_parquet
from prehep.data.trackml import HIT_SCHEMA, PARTICLE_SCHEMA, group_events, read_event, read_modules


class Spec(StageSpec):
    """Read the track files of one dataset."""

    dataset: str
    shards: tuple[Path, ...] = Field(min_length=1, description="folders of fetch_file or simulate_tracks")


def run(spec: Spec) -> Manifest:
    """Write `hits.parquet`, `particles.parquet`, `modules.parquet` and `schema.json`.

    The files of an event may lie in different folders: all folders are searched together.

    Raises:
        FormatError: a file is damaged, cut short or absent.
    """
    with publish(spec.output, spec, stage="ingest_tracks", code=spec.code, inputs=spec.shards) as publication:
        sources = {
            load_payload(shard, name): payload.sha256
            for shard in spec.shards
            for name, payload in read_manifest(shard).payloads.items()
            if name.endswith((".csv", ".gz", ".tar", ".tgz", ".zip", ".bz2"))
        }
        with open_members([*sources]) as members:
            modules = read_modules(members, spec.dataset)
            pq.write_table(modules, publication.payload("modules.parquet"), compression="zstd")
            counts = _copy(members, spec.dataset, publication)
        record = {
            "dataset": spec.dataset,
            "reader": "trackml",
            "columns": {
                "hits": column_types(HIT_SCHEMA),
                "particles": column_types(PARTICLE_SCHEMA),
                "modules": column_types(modules.schema),
            },
            **counts,
            "modules": modules.num_rows,
            "files": [{"name": path.name, "sha256": digest} for path, digest in sources.items()],
        }
        publication.payload("schema.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return read_manifest(spec.output)


def _copy(members: list[Member], dataset: str, publication: Publication) -> dict[str, int]:
    """Write hits and particles event by event; return how many there are."""
    events = group_events(members, dataset)
    record = {"dataset": dataset}
    with (
        write_parquet(publication.payload("hits.parquet"), HIT_SCHEMA, record) as hits,
        write_parquet(publication.payload("particles.parquet"), PARTICLE_SCHEMA, record) as particles,
        progress(f"ingest {dataset}", len(events)) as bar,
    ):
        for number, parts in events.items():
            event = read_event(number, parts)
            hits.write(event.hits)
            particles.write(event.particles)
            bar.advance()
    return {"events": len(events), "hits": hits.rows, "particles": particles.rows}
