"""The n-gram with back-off (part of train_baseline)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from prehep.core.manifest import Publication
from prehep.core.settings import Settings
from prehep.data.splits import TRAIN, VALID
from prehep.evaluation.ngram import NGram
from prehep.stages.evaluated_entries import ENTRIES_MAX
from prehep.stages.module_evaluation import evaluate_on_samples
from prehep.stages.tables import write_table
from prehep.stages.track_tokens import join_track_data


class NGramBaseline(Settings):
    """What the n-gram is evaluated on."""

    evaluation: dict[str, Path] = Field(min_length=1, description="sample name and folder of tokens")
    whole: tuple[str, ...] = Field((), description="samples of which every track is used, not the test split")
    entries_max: int = Field(ENTRIES_MAX, gt=0, description="tracks per sample at most")

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders of the samples."""
        return tuple(self.evaluation.values())

    def train(self, model: str, tokens: Sequence[Path], publication: Publication) -> None:
        """Write `accuracy.csv` and `distance.csv`.

        Raises:
            FormatError: samples of tracks have different vocabularies.
            CorruptPayloadError: a file differs from its manifest.
        """
        data = join_track_data(tokens)
        train, valid = (np.flatnonzero(data.split == part) for part in (TRAIN, VALID))
        accuracy, distance = evaluate_on_samples(
            NGram().fit(data, train, valid).predict,
            data.vocabulary,
            self.evaluation,
            model=model,
            whole=self.whole,
            entries_max=self.entries_max,
            inputs=("masked",),
        )
        write_table(publication.payload("accuracy.csv"), accuracy)
        write_table(publication.payload("distance.csv"), distance)
