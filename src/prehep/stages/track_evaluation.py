"""What a network pretrained on tracks predicts for hidden modules (part of evaluate_model)."""

from typing import TYPE_CHECKING

import pandas as pd

from prehep.evaluation.masked_modules import model_predictor
from prehep.stages.module_evaluation import evaluate_on_samples
from prehep.stages.track_tokens import read_vocabulary

if TYPE_CHECKING:
    from prehep.objectives.mdm import MaskedModules
    from prehep.stages.evaluate_model import Spec


def evaluate_tracks(spec: "Spec", objective: "MaskedModules", device: str) -> dict[str, pd.DataFrame]:
    """Return the tables `accuracy.csv` and `distance.csv` of a network on `device`."""
    accuracy, distance = evaluate_on_samples(
        model_predictor(objective, device),
        read_vocabulary(spec.run),
        spec.tokens,
        model=spec.model,
        whole=spec.whole,
        entries_max=spec.entries_max,
    )
    return {"accuracy.csv": accuracy, "distance.csv": distance}
