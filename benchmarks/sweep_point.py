"""One fit in a process of its own, as by a script that is started for every point: nothing else is imported.

`python benchmarks/sweep_point.py ARRAYS POINT` writes the fit as JSON to standard output.
"""

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray

from prehep.core.config.finetuning import FinetuneSettings
from prehep.core.seeds import derive_seed
from prehep.models.classifier import Classifier
from prehep.models.event_encoder import EventEncoder
from prehep.tokens.event_features import Scaling
from prehep.tokens.event_symmetries import EventSymmetries
from prehep.training.classification import fit_classifier
from prehep.training.device import repeatable
from prehep.training.event_vectors import EventTensors

if TYPE_CHECKING:
    from prehep.tokens.labelled_sets import LabelledSplit


@dataclass(frozen=True)
class Split:
    """As LabelledSplit, whose module imports more than a fit needs."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def main() -> None:
    """Fit and print."""
    arrays, point = np.load(sys.argv[1]), json.loads(sys.argv[2])
    symmetries = EventSymmetries(point["columns"], Scaling.identity(point["columns"]))
    labels = torch.from_numpy(arrays["labels"])
    events = EventTensors(torch.from_numpy(arrays["features"]), torch.from_numpy(arrays["mask"]), labels, symmetries)
    split = cast("LabelledSplit", Split(*(np.asarray(point[name]) for name in ("train", "valid", "test"))))
    with repeatable(1):
        torch.manual_seed(derive_seed(point["seed"], "weights", point["n_labels"]))
        encoder = EventEncoder(len(point["columns"]), **point["model"])
        classifier = Classifier(encoder, point["model"]["width"])
        settings = FinetuneSettings.model_validate(point["settings"])
        fit = fit_classifier(classifier, events, split, settings, point["learning_rate"], point["seed"])
    sys.stdout.write(json.dumps(asdict(fit)) + "\n")


if __name__ == "__main__":
    main()
