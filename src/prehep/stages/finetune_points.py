"""One point of a fine-tuning sweep, in this process or in a worker (part of finetune_sweep)."""

import copy
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
from pydantic import Field

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.config.network import ModelSettings
from prehep.core.errors import CodeError, ConfigError
from prehep.core.fingerprint import module_digests
from prehep.core.lazy import Entry, load, module_of
from prehep.core.seeds import derive_seed
from prehep.core.settings import volatile
from prehep.core.specification import StageSpec
from prehep.models.classifier import Classifier
from prehep.models.event_encoder import EventEncoder
from prehep.stages.event_tokens import read_encoding
from prehep.stages.labelled_events import read_labelled_events
from prehep.tokens.event_symmetries import EventSymmetries
from prehep.tokens.labelled_sets import labelled_split
from prehep.training.classification import ClassifierFit, fit_classifier
from prehep.training.device import repeatable, resolve_device
from prehep.training.event_vectors import EventTensors
from prehep.training.fit_store import FitKey


class PointSpec(StageSpec):
    """One family of models on one task: what every point of a sweep has in common, and which points there are."""

    model: str = Field(description="name of the family in the tables")
    tokens: tuple[Path, ...] = Field(description="processes: signal, background; z_window: one folder")
    task: ClassificationTask
    settings: FinetuneSettings
    architecture: ModelSettings
    pretrained: Path | None = Field(None, description="folder of pretrain_model; null = random weights")
    loader: Entry | None = Field(None, description="what loads the weights from that folder")
    device: str = Field("auto", description="auto, cpu or cuda", json_schema_extra=volatile())


class PointFitter:
    """Does the fits of one sweep; encoder and events are loaded once.

    Args:
        spec: of the sweep.

    Raises:
        ConfigError: the pretrained model has another architecture or encoding, or the tokens are not those of the task.
    """

    def __init__(self, spec: PointSpec) -> None:
        self.spec, self.device = spec, resolve_device(spec.device)
        self.events = read_labelled_events(spec.tokens, spec.task)
        encoding = read_encoding(spec.tokens[0])
        symmetries = EventSymmetries(encoding.columns, encoding.scaling) if spec.settings.symmetries else None
        self.tensors = EventTensors(
            features=torch.from_numpy(self.events.features).to(self.device),
            mask=torch.from_numpy(self.events.types > 0).to(self.device),
            labels=torch.from_numpy(self.events.labels.astype("int64")).to(self.device),
            symmetries=symmetries,
        )
        self.make_classifier = _classifier_maker(spec, self.events.features.shape[2])

    def __call__(self, key: FitKey) -> ClassifierFit:
        """Return the fit of one point, which depends on nothing but its key and the specification.

        Raises:
            ConfigError: the task has too few events.
            TrainingError: the fit diverges from the start.
        """
        settings = self.spec.settings
        split = labelled_split(self.events.labels, self.events.split, key.n_labels, key.seed, self.spec.task)
        with repeatable(settings.threads):
            torch.manual_seed(derive_seed(key.seed, "weights", key.n_labels))
            classifier = self.make_classifier().to(self.device)
            return fit_classifier(classifier, self.tensors, split, settings, key.learning_rate, key.seed)


def fit_in_worker(spec: str, key: FitKey) -> ClassifierFit:
    """Return the fit of one point in a process that does many: what they share is loaded for the first.

    Args:
        spec: a PointSpec as JSON.
        key: the point.
    """
    return _fitter(spec)(key)


@lru_cache(maxsize=1)
def _fitter(text: str) -> PointFitter:
    spec = PointSpec.model_validate_json(text)
    fitter = PointFitter(spec)
    _check_code(spec)
    return fitter


def _check_code(spec: PointSpec) -> None:
    """Make sure that this process has imported the code that its parent records, though it did so later."""
    entries = [__name__, *([module_of(spec.loader)] if spec.loader else [])]
    for name, digest in module_digests(*entries).items():
        if spec.code.get(name, digest) != digest:
            raise CodeError(f"{name} was edited while the sweep of {spec.model} started; run snakemake again.")


def _classifier_maker(spec: PointSpec, n_features: int) -> Callable[[], Classifier]:
    """Return the function that makes a classifier, on the pretrained encoder where the settings ask for it."""
    if len({spec.settings.pretrained, spec.pretrained is not None, spec.loader is not None}) > 1:
        raise ConfigError(
            f"model {spec.model} has settings.pretrained={spec.settings.pretrained}, pretrained folder "
            f"{spec.pretrained} and loader {spec.loader}; give all or none."
        )
    shape = spec.architecture
    if spec.settings.dropout is not None:
        shape = shape.model_copy(update={"dropout": spec.settings.dropout})

    def scratch() -> EventEncoder:
        return EventEncoder(n_features=n_features, **shape.model_dump())

    def classifier(encoder: EventEncoder) -> Classifier:
        return Classifier(encoder, shape.width, dropout=spec.settings.head_dropout)

    if spec.pretrained is None or spec.loader is None:
        return lambda: classifier(scratch())
    encoder = scratch()
    load(spec.loader)(encoder, spec.pretrained, spec.tokens, spec.architecture)
    return lambda: classifier(copy.deepcopy(encoder))
