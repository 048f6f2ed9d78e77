"""The studies: what is pretrained on what, and which downstream tasks follow."""

from typing import Literal

from pydantic import Field

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.event_tokens import EventTokenSettings
from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.config.track_tokens import TrackTokenSettings
from prehep.core.config.training import ObjectiveSettings, PretrainSettings
from prehep.core.config.trees import TreeSettings
from prehep.core.settings import Settings, volatile

SweepModel = Literal["pretrained", "scratch_published", "scratch_tuned"]
TreeModel = Literal["trees_flat", "trees_engineered"]


class EventObjective(ObjectiveSettings):
    """A self-supervised task on events."""

    name: Literal["masked_type", "masked_kinematics"]


class TrackObjective(ObjectiveSettings):
    """A self-supervised task on tracks."""

    name: Literal["mdm"]


class EventPretraining(PretrainSettings):
    """One pretraining run on events."""

    objective: EventObjective


class TrackPretraining(PretrainSettings):
    """One pretraining run on tracks."""

    objective: TrackObjective


class EventStudy(Settings):
    """Study event_pretraining (papers A: 2312.06909)."""

    pretrain_data: str = Field("pseudo_data", description="dataset without labels")
    comparison_data: tuple[str, ...] = Field((), description="datasets drawn beside it in the object distributions")
    tokens: EventTokenSettings = EventTokenSettings()
    pretrain: dict[str, EventPretraining] = Field(description="name and settings of each pretraining")
    finetune_from: str = Field(description="which of these is fine-tuned")
    task: ClassificationTask
    sweeps: dict[SweepModel, FinetuneSettings]
    trees: dict[TreeModel, TreeSettings]
    reference_pretrained: float | None = Field(None, description="AUC of the paper", json_schema_extra=volatile())
    reference_scratch: float | None = Field(None, description="AUC of the paper", json_schema_extra=volatile())


class TrackStudy(Settings):
    """Study tracking_bert (paper B: 2402.10239)."""

    pretrain_data: tuple[str, ...] = Field(("tracks_gun", "tracks_ttbar"), description="datasets of tracks to train on")
    evaluation_data: tuple[str, ...] = Field((), description="further datasets on which the models are evaluated")
    tokens: TrackTokenSettings = TrackTokenSettings()
    pretrain: dict[str, TrackPretraining]
    ngram: bool = Field(True, description="train the n-gram with back-off on the same tracks")
