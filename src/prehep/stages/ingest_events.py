"""Stage ingest_events: NanoAOD-format ROOT files to one Parquet table."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from prehep.core.errors import FormatError
from prehep.core.lazy import Entry, load
from prehep.core.logging import progress
from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.data.event_columns import Reader
from prehep.data.nanoaod import EventFormat, InputFile, read_tables, survey
from prehep.data.parquet import TableWriter, column_types, write_parquet

if TYPE_CHECKING:
    from prehep.data.certified import CertifiedRuns


class Spec(StageSpec):
    """Read the event files of one dataset."""

    dataset: str
    reader: Reader
    shards: tuple[Path, ...] = Field(min_length=1, description="folders of fetch_file or simulate_events")
    missing: tuple[str, ...] = Field((), description="objects or branches that the files lack")
    btag_branch: str | None = None
    btag_medium: float | None = None
    certified: Path | None = Field(None, description="folder of the fetched list of validated runs")
    certified_reader: Entry | None = Field(None, description="what reads that list")


def run(spec: Spec) -> Manifest:
    """Write `events.parquet` and `schema.json`.

    Raises:
        FormatError: a file cannot be read, is empty, or lacks a branch that is not declared missing.
    """
    inputs = [*spec.shards, *([spec.certified] if spec.certified else [])]
    with publish(spec.output, spec, stage="ingest_events", code=spec.code, inputs=inputs) as publication:
        files = _unique_names([file for shard in spec.shards for file in _root_files(shard)])
        events, entries = survey(files, spec.dataset, spec.reader, spec.missing, spec.btag_branch, spec.btag_medium)
        certified = _certified(spec)
        record = _record(events)
        with (
            write_parquet(publication.payload("events.parquet"), events.schema, record) as writer,
            progress(f"ingest {spec.dataset}", sum(entries)) as bar,
        ):
            rows = []
            for file in files:
                before = writer.rows
                _copy(file, events, certified, writer, bar.advance)
                rows.append(writer.rows - before)
        record["files"] = [
            {"name": file.name, "sha256": file.digest, "entries": number, "rows": kept}
            for file, number, kept in zip(files, entries, rows, strict=True)
        ]
        record["events"] = sum(rows)
        publication.payload("schema.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return read_manifest(spec.output)


def _copy(
    file: InputFile, events: EventFormat, certified: "CertifiedRuns | None", writer: TableWriter, advance: Any
) -> None:
    for table, read in read_tables(file, events, certified=certified):
        writer.write(table)
        advance(read)


def _root_files(shard: Path) -> list[InputFile]:
    payloads = read_manifest(shard).payloads
    names = [name for name in payloads if name.endswith(".root")] or list(payloads)
    if not names:
        raise FormatError(f"{shard} holds no file to ingest; delete it and run snakemake again.")
    digests = {name: payloads[name].content or payloads[name].sha256 for name in names}
    return [InputFile(load_payload(shard, name), name, digests[name]) for name in names]


def _unique_names(files: list[InputFile]) -> list[InputFile]:
    """Put the folder before names that several shards share, so that messages tell the files apart."""
    times = Counter(file.name for file in files)
    return [
        replace(file, name=f"{file.path.parent.name}/{file.name}") if times[file.name] > 1 else file for file in files
    ]


def _certified(spec: Spec) -> "CertifiedRuns | None":
    if spec.certified is None or spec.certified_reader is None:
        return None
    (name,) = read_manifest(spec.certified).payloads
    runs: CertifiedRuns = load(spec.certified_reader)(load_payload(spec.certified, name))
    return runs


def _record(events: EventFormat) -> dict[str, Any]:
    return {
        "dataset": events.dataset,
        "reader": events.reader,
        "columns": column_types(events.schema),
        "missing": list(events.columns.missing),
        "btag_branch": events.btag_branch,
        "btag_medium": events.btag_medium,
    }
