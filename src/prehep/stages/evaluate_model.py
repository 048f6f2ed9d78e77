"""Stage `evaluate_model`: what a pretrained model predicts for hidden objects or modules, sample by sample."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pandas as pd
from pydantic import Field

from prehep.core.logging import progress
from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.core.settings import volatile
from prehep.evaluation.masked_modules import model_predictor
from prehep.evaluation.masked_objects import EventObjective, accuracy_rows, collect_answers
from prehep.hub.pretrained import CONFIG, OBJECTIVE, Pretrained, load_pretrained
from prehep.stages.command import StageSpec
from prehep.stages.event_tokens import read_encoding, read_event_data
from prehep.stages.tables import write_table
from prehep.stages.token_data import tokenizer_file
from prehep.stages.track_evaluation import ENTRIES_MAX, evaluate_on_samples, evaluated_entries
from prehep.stages.track_tokens import VOCABULARY, read_vocabulary
from prehep.training.device import repeatable, resolve_device

if TYPE_CHECKING:
    from prehep.objectives.mdm import MaskedModules


class Spec(StageSpec):
    """One pretrained model on several samples."""

    model: str = Field(description="name in the tables")
    run: Path = Field(description="folder of pretrain_model")
    tokens: dict[str, Path] = Field(min_length=1, description="sample name and folder of tokens")
    whole: tuple[str, ...] = Field(
        (), description="samples of which every entry is used, not only the test split: those never trained on"
    )
    entries_max: int = Field(ENTRIES_MAX, gt=0, description="events or tracks per sample at most")
    device: str = Field("auto", description="auto, cpu or cuda", json_schema_extra=volatile())


def run(spec: Spec) -> Manifest:
    """Write `accuracy.csv`, and for tracks `distance.csv`.

    Raises:
        FormatError: a sample was tokenised in another way than the model's training data.
        CorruptPayloadError: a file differs from its manifest.
    """
    inputs = (spec.run, *spec.tokens.values())
    with publish(spec.output, spec, stage="evaluate_model", code=spec.code, inputs=inputs) as publication:
        pretrained = _load(spec.run)
        threads = pretrained.config.settings.training.threads
        with repeatable(threads):
            tables = _evaluate(spec, pretrained)
        for name, table in tables.items():
            write_table(publication.payload(name), table)
    return read_manifest(spec.output)


def _load(folder: Path) -> Pretrained:
    for name in (CONFIG, OBJECTIVE):
        load_payload(folder, name)
    return load_pretrained(folder)


def _evaluate(spec: Spec, pretrained: Pretrained) -> dict[str, pd.DataFrame]:
    device = resolve_device(spec.device)
    if tokenizer_file(spec.run) != VOCABULARY:
        return {"accuracy.csv": _evaluate_events(spec, pretrained, device)}
    accuracy, distance = evaluate_on_samples(
        model_predictor(cast("MaskedModules", pretrained.objective), device),
        read_vocabulary(spec.run),
        spec.tokens,
        model=spec.model,
        whole=spec.whole,
        entries_max=spec.entries_max,
    )
    return {"accuracy.csv": accuracy, "distance.csv": distance}


def _evaluate_events(spec: Spec, pretrained: Pretrained, device: str) -> pd.DataFrame:
    objective = cast("EventObjective", pretrained.objective.to(device).eval())
    encoding = read_encoding(spec.run)
    rows = []
    with progress(f"evaluate {spec.model}", len(spec.tokens)) as counter:
        for sample, folder in spec.tokens.items():
            data = read_event_data(folder)
            encoding.check_same(data.encoding, folder.as_posix())
            indices = evaluated_entries(data.split, whole=sample in spec.whole, most=spec.entries_max)
            answers = collect_answers(objective, data, indices, device=device)
            labels = {"sample": sample, "model": spec.model}
            rows += [{**labels, **row.as_dict()} for row in accuracy_rows(answers)]
            counter.advance()
    return pd.DataFrame(rows)
