"""The tables of a study of tracks (part of aggregate_study)."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from prehep.core.settings import Settings
from prehep.stages.tables import join_tables

if TYPE_CHECKING:
    from prehep.stages.aggregate_study import Spec


class TrackTables(Settings):
    """A study of tracks has no settings of its own."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """A study of tracks reads no folders of its own."""
        return ()

    def facts(self, common: dict[str, object]) -> dict[str, object]:
        """Return the facts of every study."""
        return common

    def tables(self, spec: "Spec") -> dict[str, pd.DataFrame]:
        """Return accuracy and distance of all models on the same masked modules.

        Raises:
            CorruptPayloadError: a file differs from its manifest.
        """
        return {f"mdm_{name}": join_tables(spec.accuracies, f"{name}.csv") for name in ("accuracy", "distance")}
