"""The numbers that two versions of the results are compared by, nested by study, quantity and model."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

Tables = Mapping[str, pd.DataFrame]
MEASURES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("auc", "label_summary", ("model", "n_labels"), "mean"),
    ("pretrained_minus", "label_comparison", ("versus", "n_labels"), "difference"),
    ("hidden_object_accuracy", "masked_accuracy", ("sample", "model", "input", "target"), "accuracy"),
    ("module_accuracy", "mdm_accuracy", ("sample", "model", "input"), "exact_accuracy"),
)
"""Each quantity, its table, the columns that tell its values apart, and the column of the values."""
WHOLE = ("position", "class")
"""Columns of which only the rows with value `all` are headlines."""


def headline_metrics(studies: Mapping[str, Tables]) -> dict[str, Any]:
    """Return the headline numbers of all studies, keys sorted; tables that a study lacks and NaN are left out.

    Args:
        studies: study and its tables by name, as aggregate_study wrote them.
    """
    found = {study: dict(_measures(tables)) for study, tables in sorted(studies.items())}
    return {study: measures for study, measures in found.items() if measures}


def _measures(tables: Tables) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table, keys, value in MEASURES:
        if table in tables and not tables[table].empty:
            yield name, _nested(_headlines(tables[table]), keys, value)


def _headlines(table: pd.DataFrame) -> pd.DataFrame:
    for column in WHOLE:
        if column in table:
            table = table[table[column] == "all"]
    return table


def _nested(table: pd.DataFrame, keys: tuple[str, ...], value: str) -> dict[str, Any]:
    """Return the values of a column as a tree with one level for each key column."""
    tree: dict[str, Any] = {}
    for row in table.dropna(subset=[value]).sort_values(list(keys)).to_dict("records"):
        branch = tree
        for key in keys[:-1]:
            branch = branch.setdefault(str(row[key]), {})
        branch[str(row[keys[-1]])] = row[value]
    return tree
