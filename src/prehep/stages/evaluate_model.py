"""Stage `evaluate_model`: what a pretrained model predicts for hidden objects or modules, sample by sample."""

from pathlib import Path

from pydantic import Field

from prehep.core.lazy import Entry, load
from prehep.core.manifest import Manifest, load_payload, publish, read_manifest
from prehep.core.settings import volatile
from prehep.core.specification import StageSpec
from prehep.hub.pretrained import restore_pretrained
from prehep.hub.saving import CONFIG, OBJECTIVE
from prehep.stages.evaluated_entries import ENTRIES_MAX
from prehep.stages.tables import write_table
from prehep.training.device import repeatable, resolve_device


class Spec(StageSpec):
    """One pretrained model on several samples."""

    model: str = Field(description="name in the tables")
    objective: Entry = Field(description="class of the objective that was trained")
    evaluation: Entry = Field(description="what makes the tables of this kind of model")
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
        for name in (CONFIG, OBJECTIVE):
            load_payload(spec.run, name)
        pretrained = restore_pretrained(spec.run, load(spec.objective))
        evaluate = load(spec.evaluation)
        with repeatable(pretrained.config.settings.training.planned_threads()):
            tables = evaluate(spec, pretrained.objective, resolve_device(spec.device))
        for name, table in tables.items():
            write_table(publication.payload(name), table)
    return read_manifest(spec.output)
