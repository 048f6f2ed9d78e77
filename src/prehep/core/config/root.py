"""The whole configuration, with the defaults of `config/config.yaml`."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from prehep.core.config.defaults import event_pretraining, tracking_bert
from prehep.core.config.studies import EventStudy, TrackStudy
from prehep.core.settings import Settings, volatile

StudyName = Literal["event_pretraining", "tracking_bert"]
NAMED_RUNS = ("pretrain", "sweeps", "trees")


class Config(Settings):
    """What a run does. Every key of every section has its default here; an unknown key is an error."""

    name: str = Field(
        "default",
        pattern=r"^[a-z0-9_]+$",
        description="results go to results/{name}",
        json_schema_extra=volatile(),
    )
    studies: tuple[StudyName, ...] = Field(
        ("event_pretraining", "tracking_bert"), min_length=1, description="studies to run"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where trainings run; auto takes CUDA where it is", json_schema_extra=volatile()
    )
    devices: int = Field(
        1,
        gt=0,
        description="processes that share a pretraining, a GPU each; in no digest: gradients are those of one, to 1e-6",
        json_schema_extra=volatile(),
    )
    log_level: Literal["DEBUG", "INFO", "WARNING"] = Field("INFO", json_schema_extra=volatile())
    sample_dir: str | None = Field(
        None, description="folder with local copies of the sample files", json_schema_extra=volatile()
    )
    datasets: dict[str, dict[str, Any]] = Field(
        {}, description="changes to the entries of config/datasets, e.g. pseudo_data: {events: 1000}"
    )
    extra_datasets: tuple[str, ...] = Field(
        (), description="datasets that are ingested and checked though no study uses them"
    )
    event_pretraining: EventStudy = Field(default_factory=event_pretraining)
    tracking_bert: TrackStudy = Field(default_factory=tracking_bert)

    @field_validator("event_pretraining", "tracking_bert", mode="before")
    @classmethod
    def _drop_removed(cls, value: Any, info: ValidationInfo) -> Any:
        """Let an overlay remove a named run of the defaults by setting it to null."""
        if not isinstance(value, dict):
            return value
        defaults = event_pretraining() if info.field_name == "event_pretraining" else tracking_bert()
        return {key: _without_removed(key, section, getattr(defaults, key, {})) for key, section in value.items()}


def _without_removed(key: str, section: Any, default: Any) -> Any:
    if key not in NAMED_RUNS or not isinstance(section, dict):
        return section
    for name, item in section.items():
        if item is None and name not in default:
            raise ValueError(f"{key}.{name} is null, which removes a run, but there is only {', '.join(default)}")
    return {name: item for name, item in section.items() if item is not None}
