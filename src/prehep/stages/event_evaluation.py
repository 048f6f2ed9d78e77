"""What a network pretrained on events predicts for hidden objects (part of evaluate_model)."""

from typing import TYPE_CHECKING, cast

import pandas as pd

from prehep.core.logging import progress
from prehep.evaluation.masked_objects import EventObjective, accuracy_rows, collect_answers
from prehep.stages.evaluated_entries import evaluated_entries
from prehep.stages.event_arrays import read_event_data
from prehep.stages.event_tokens import read_encoding

if TYPE_CHECKING:
    from prehep.objectives.base import Objective
    from prehep.stages.evaluate_model import Spec


def evaluate_events(spec: "Spec", objective: "Objective", device: str) -> dict[str, pd.DataFrame]:
    """Return the table `accuracy.csv` of a network on `device`."""
    network = cast("EventObjective", objective.to(device).eval())
    encoding = read_encoding(spec.run)
    rows = []
    with progress(f"evaluate {spec.model}", len(spec.tokens)) as counter:
        for sample, folder in spec.tokens.items():
            data = read_event_data(folder)
            encoding.check_same(data.encoding, folder.as_posix())
            indices = evaluated_entries(data.split, whole=sample in spec.whole, most=spec.entries_max)
            answers = collect_answers(network, data, indices, device=device)
            labels = {"sample": sample, "model": spec.model}
            rows += [{**labels, **row.as_dict()} for row in accuracy_rows(answers)]
            counter.advance()
    return {"accuracy.csv": pd.DataFrame(rows)}
