"""Default settings of the studies: chosen for two CPU cores and twenty minutes."""

from prehep.core.config.classification_task import ClassificationTask
from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.config.network import ModelSettings
from prehep.core.config.studies import (
    EventObjective,
    EventPretraining,
    EventStudy,
    TrackObjective,
    TrackPretraining,
    TrackStudy,
)
from prehep.core.config.training import TrainingSettings
from prehep.core.config.trees import TreeSettings

LEARNING_RATES = (5e-4, 1e-3, 2e-3)
"""Tried for the pretrained and the tuned scratch model alike."""


def event_pretraining() -> EventStudy:
    """Return the default event study: masked object type on pseudo-data, then 2HDM against ttbar."""
    return EventStudy(
        pretrain_data="pseudo_data",
        comparison_data=("background_ttbar", "signal_2hdm"),
        pretrain={
            "masked_type": EventPretraining(
                objective=EventObjective(name="masked_type", mask_rate=0.65),
                # fewer layers than published, for the time on two cores
                model=ModelSettings(layers=2, feedforward=128),
                training=TrainingSettings(steps=3_000, batch_size=256, learning_rate=1e-3),
            )
        },
        finetune_from="masked_type",
        task=ClassificationTask(kind="processes", signal="signal_2hdm", background="background_ttbar"),
        sweeps={
            "pretrained": FinetuneSettings(pretrained=True, learning_rates=LEARNING_RATES, steps=1_500),
            # As published: SGD, cosine from 0.01 to 1e-4 over 100 epochs, no early stopping, the last weights.
            "scratch_published": FinetuneSettings(
                optimiser="sgd",
                learning_rates=(0.01,),
                weight_decay=5e-5,
                epochs=100,
                batch_size=1_024,
                keep="last",
                symmetries=False,
            ),
            "scratch_tuned": FinetuneSettings(learning_rates=LEARNING_RATES, steps=1_500),
        },
        trees={
            "trees_flat": TreeSettings(features="flat"),
            "trees_engineered": TreeSettings(features="engineered"),
        },
        reference_pretrained=0.7900,
        reference_scratch=0.6963,
    )


def tracking_bert() -> TrackStudy:
    """Return the default track study: masked detector modules on simulated tracks."""
    return TrackStudy(
        pretrain={
            "bert_token": _masked_modules("token", "pure", 5e-3),
            "bert_geometry": _masked_modules("geometry", "pure", 8e-3),
            "bert_geometry_mixed": _masked_modules("geometry", "mixed", 8e-3),
        },
    )


def _masked_modules(embedding: str, scheme: str, learning_rate: float) -> TrackPretraining:
    objective = {"name": "mdm", "mask_rate": 0.15, "embedding": embedding, "mask_scheme": scheme}
    return TrackPretraining(
        objective=TrackObjective.model_validate(objective),
        training=TrainingSettings(steps=1_200, learning_rate=learning_rate, optimiser="muon"),
    )
