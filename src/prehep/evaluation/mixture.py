"""What a simulated cocktail consists of, from the summaries of its shards."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

MIXTURE_COLUMNS = ["process", "fraction", "events", "cross_section_pb", "weight_pb"]


def mixture_table(summaries: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the declared mix and the weights that restore the cross sections.

    Args:
        summaries: content of each shard's `summary.json`: `processes` maps a name to events,
            accepted_cross_section_pb and others.

    Returns:
        Columns `MIXTURE_COLUMNS`, one row per process: share of the accepted events, accepted events, cross section
        behind trigger and preselection in pb (mean over shards by events), and mean weight of an event in pb.
    """
    rows = [
        {"process": process, "events": facts["events"], "cross_section_pb": facts["accepted_cross_section_pb"]}
        for summary in summaries
        for process, facts in summary["processes"].items()
    ]
    if not rows:
        return pd.DataFrame(columns=MIXTURE_COLUMNS)
    table = pd.DataFrame(rows)
    table["summed"] = table["events"] * table["cross_section_pb"]
    grouped = table.groupby("process", sort=False)[["events", "summed"]].sum().reset_index()
    grouped["cross_section_pb"] = grouped["summed"] / grouped["events"]
    grouped["fraction"] = grouped["events"] / grouped["events"].sum()
    grouped["weight_pb"] = grouped["cross_section_pb"] / grouped["events"]
    return grouped[MIXTURE_COLUMNS].sort_values("events", ascending=False, ignore_index=True)
