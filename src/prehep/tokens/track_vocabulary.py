"""The words of a track: detector modules, after the five special tokens of BERT (paper B, 2402.10239)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from prehep.core.errors import FormatError

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIAL_TOKENS = ("PAD", "UNK", "CLS", "SEP", "MASK")
FIRST_MODULE = len(SPECIAL_TOKENS)
ID_COLUMNS = ["volume", "layer", "module"]
CENTRE_COLUMNS = ["cx", "cy", "cz"]
CENTRE_TOLERANCE_MM = 0.5


@dataclass(frozen=True)
class TrackVocabulary:
    """Detector modules by token.

    Attributes:
        table: one row per token in token order: token, volume, layer, module (-1 for special tokens), cx, cy, cz
            (mm, 0 for special tokens).
    """

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @property
    def centres(self) -> NDArray[np.float32]:
        """Module centres (tokens, 3) in mm, 0 for special tokens."""
        return self.table[CENTRE_COLUMNS].to_numpy(np.float32)

    @property
    def layers(self) -> NDArray[np.int64]:
        """Index of the detector layer of each token, counted from 1 in (volume, layer) order; 0 for special tokens."""
        groups = self.table.groupby(["volume", "layer"], sort=True).ngroup()
        return np.asarray(groups, dtype=np.int64)

    def encode(self, hits: pd.DataFrame) -> NDArray[np.int32]:
        """Return the token of each hit.

        Args:
            hits: columns volume, layer, module.

        Raises:
            FormatError: a hit lies on a module that the vocabulary does not hold.
        """
        modules = self.table.loc[FIRST_MODULE:, ["token", *ID_COLUMNS]]
        tokens = hits[ID_COLUMNS].merge(modules, on=ID_COLUMNS, how="left")["token"].fillna(UNK).to_numpy(np.int32)
        unknown = int((tokens == UNK).sum())
        if unknown:
            first = tuple(int(value) for value in hits[ID_COLUMNS].iloc[int(np.argmax(tokens == UNK))])
            raise FormatError(
                f"{unknown} hits lie on modules that the vocabulary of {len(self)} tokens does not hold, the first on "
                f"(volume, layer, module) = {first}; check that hits and detector file belong together."
            )
        return tokens

    def check_same(self, other: "TrackVocabulary", name: str) -> None:
        """Raise FormatError unless `other` gives every token the same module at the same place (within 0.5 mm)."""
        same = len(self) == len(other) and np.array_equal(self.table[ID_COLUMNS], other.table[ID_COLUMNS])
        if not same or np.abs(self.centres - other.centres).max() > CENTRE_TOLERANCE_MM:
            raise FormatError(
                f"{name} has {len(other)} tokens that differ from the {len(self)} of the first folder of tracks; "
                "tokenise all datasets with the same detector file and volumes."
            )


def build_vocabulary(modules: pd.DataFrame, volumes: Sequence[int]) -> TrackVocabulary:
    """Return the vocabulary of the modules in some detector volumes, sorted by volume, layer, module.

    Args:
        modules: columns volume, layer, module, cx, cy, cz (mm), one row per module.
        volumes: detector volumes to keep; 7, 8, 9 are the pixels of the TrackML detector (4,004 modules).

    Raises:
        FormatError: a volume has no module, or a module is listed twice.
    """
    missing = sorted(set(volumes) - set(modules["volume"]))
    if missing:
        raise FormatError(f"the detector file has no module in volumes {missing}; change tokens.volumes or the file.")
    chosen = modules.loc[modules["volume"].isin(volumes), ID_COLUMNS + CENTRE_COLUMNS].sort_values(ID_COLUMNS)
    if chosen.duplicated(ID_COLUMNS).any():
        raise FormatError("the detector file lists a module twice; use the file as published.")
    special = pd.DataFrame(
        {**dict.fromkeys(ID_COLUMNS, -1), **dict.fromkeys(CENTRE_COLUMNS, 0.0)}, index=range(FIRST_MODULE)
    )
    table = pd.concat([special, chosen], ignore_index=True)
    table.insert(0, "token", np.arange(len(table), dtype=np.int32))
    return TrackVocabulary(table.astype(dict.fromkeys(ID_COLUMNS, "int32") | dict.fromkeys(CENTRE_COLUMNS, "float64")))
