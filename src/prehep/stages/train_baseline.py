"""Stage `train_baseline`: the opponents that are no neural networks, boosted trees and the n-gram."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field, model_validator

from prehep.core.lazy import Entry, load
from prehep.core.manifest import Manifest, Publication, publish, read_manifest
from prehep.core.specification import StageSpec


class Baseline(Protocol):
    """Settings of one kind of baseline, and its training."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders that it reads beside the tokens to train on."""
        ...

    def train(self, model: str, tokens: Sequence[Path], publication: Publication) -> None:
        """Train on folders of tokens and write the tables of `model`."""
        ...


class Spec(StageSpec):
    """One baseline."""

    model: str = Field(description="name in the tables")
    baseline: Entry = Field(description="class of the baseline")
    tokens: tuple[Path, ...] = Field(min_length=1, description="folders of tokens to train on")
    settings: dict[str, Any] = Field(default_factory=dict, description="fields of that class")

    @model_validator(mode="after")
    def _settings_fit(self) -> "Spec":
        self.part()
        return self

    def part(self) -> Baseline:
        """Return the baseline with its settings."""
        part: Baseline = load(self.baseline).model_validate(self.settings)
        return part


def run(spec: Spec) -> Manifest:
    """Write `scores.csv` and `test_set.json` for trees, `accuracy.csv` and `distance.csv` for an n-gram.

    Raises:
        ConfigError: the task has too few events.
        FormatError: samples of tracks have different vocabularies.
        CorruptPayloadError: a file differs from its manifest.
    """
    baseline = spec.part()
    inputs = tuple(dict.fromkeys((*spec.tokens, *baseline.folders)))
    with publish(spec.output, spec, stage="train_baseline", code=spec.code, inputs=inputs) as publication:
        baseline.train(spec.model, spec.tokens, publication)
    return read_manifest(spec.output)
