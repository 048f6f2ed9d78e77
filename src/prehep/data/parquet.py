"""Parquet files with zstd compression and the schema record inside."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

RECORD_KEY = b"prehep"
ROW_GROUP = 200_000


class TableWriter:
    """Collects tables and writes them as row groups of about `rows_per_group` rows."""

    def __init__(self, writer: pq.ParquetWriter, rows_per_group: int) -> None:
        self.writer = writer
        self.rows_per_group = rows_per_group
        self.pending: list[pa.Table] = []
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        """Add a table; row groups are written as soon as they are full."""
        self.pending.append(table)
        self.rows += table.num_rows
        if sum(part.num_rows for part in self.pending) >= self.rows_per_group:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if self.pending:
            self.writer.write_table(pa.concat_tables(self.pending))
            self.pending = []


@contextmanager
def write_parquet(
    path: Path, schema: pa.Schema, record: Mapping[str, Any], rows_per_group: int = ROW_GROUP
) -> Iterator[TableWriter]:
    """Yield a writer of one Parquet file; `record` is kept in its metadata as JSON."""
    text = json.dumps(record, sort_keys=True).encode()
    with pq.ParquetWriter(path, schema.with_metadata({RECORD_KEY: text}), compression="zstd") as writer:
        table_writer = TableWriter(writer, rows_per_group)
        yield table_writer
        table_writer.flush()


def required(schema: pa.Schema) -> pa.Schema:
    """Return the schema with nothing nullable, columns and list items alike.

    Readers then get plain arrays; of nullable lists awkward 2.14 makes option types that `enforce_type` cuts short.
    """
    return pa.schema([_required(field) for field in schema])


def _required(field: pa.Field) -> pa.Field:
    kind = field.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = pa.list_(pa.field("item", kind.value_type, nullable=False))
    return pa.field(field.name, kind, nullable=False)


def column_types(schema: pa.Schema) -> dict[str, str]:
    """Return the columns of a schema and their types as text."""
    return {field.name: str(field.type) for field in schema}
