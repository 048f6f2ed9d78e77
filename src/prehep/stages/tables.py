"""Small CSV tables: written so that equal values give equal bytes, read after their hash was checked."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from prehep.core.manifest import load_payload, read_manifest

DIGITS = "%.9g"


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table with nine significant digits and Unix line ends."""
    table.to_csv(path, index=False, float_format=DIGITS, lineterminator="\n")


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Read a CSV payload of a finished stage.

    Raises:
        CorruptPayloadError: the file is absent or differs from its manifest.
    """
    return pd.read_csv(load_payload(folder, name), keep_default_na=True)


def join_tables(folders: Iterable[Path], name: str) -> pd.DataFrame:
    """Return the CSV payload of this name of several finished stages as one table.

    Raises:
        CorruptPayloadError: a file is absent or differs from its manifest.
    """
    tables = [read_table(folder, name) for folder in folders]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def has_payload(folder: Path, name: str) -> bool:
    """Tell whether a finished stage wrote a payload of this name."""
    return name in read_manifest(folder).payloads
