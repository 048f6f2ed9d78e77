"""How well hidden modules are found: exact accuracy, distance, and the leak test (paper B, figures B1, B2, B7).

The leak test asks for a module that the model can see. Its accuracy says how often the model copies, nothing about
tracking; the paper's headline of 99.8 % is probably of this kind, so both are always shown side by side.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from prehep.core.seeds import random_stream
from prehep.tokens.track_data import TrackData
from prehep.tokens.track_vocabulary import FIRST_MODULE, MASK

if TYPE_CHECKING:
    from prehep.objectives.mdm import MaskedModules

Predictor = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]
Input = Literal["masked", "visible"]
POSITIONS = ("first", "middle", "last")
DISTANCE_GRID_MM = np.arange(201)
WITHIN_MM = 20.0
BATCH = 2_048


def evaluate_masked_modules(
    predict: Predictor,
    data: TrackData,
    indices: NDArray[np.int64],
    sample: str,
    model: str,
    inputs: Sequence[Input] = ("masked", "visible"),
    seed: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ask for the first, one random middle and the last hit of each track, one at a time.

    Args:
        predict: takes tokens (batch, length) and positions (batch,), returns module tokens (batch,).
        data: tracks of the sample, with at least three hits each.
        indices: tracks to use.
        sample: name of the sample in the rows.
        model: name of the model in the rows.
        inputs: "masked" puts [MASK] at the asked hit, "visible" leaves the true module there.
        seed: of the choice of middle hits, which is the same for every model.

    Returns:
        Accuracy rows (sample, model, input, position, n, exact_accuracy, within_20mm) and distance rows (sample,
        model, input, position, distance_mm, cumulative). Position "all" is the mean of the three.
    """
    positions = probe_positions(data.lengths[indices], seed)
    accuracy, distance = [], []
    for shown in inputs:
        answers = {name: _ask(predict, data, indices, positions[name], shown) for name in POSITIONS}
        answers["all"] = tuple(np.concatenate(parts) for parts in zip(*answers.values(), strict=True))  # type: ignore[assignment]
        for name, (true, predicted) in answers.items():
            label = {"sample": sample, "model": model, "input": shown, "position": name}
            apart = module_distance(data.vocabulary.centres, true, predicted)
            accuracy.append({**label, **summarise(true, predicted, apart)})
            distance.append(pd.DataFrame({**label, **cumulative_distance(apart)}))
    return pd.DataFrame(accuracy), pd.concat(distance, ignore_index=True)


def probe_positions(lengths: NDArray[np.int64], seed: int) -> dict[str, NDArray[np.int64]]:
    """Return the places in CLS, hits, SEP of the first, a random middle and the last hit of each track.

    Args:
        lengths: (tracks,) number of hits, at least 3.
        seed: of the middle hits.
    """
    middle = random_stream(seed, "masked_modules", "middle").integers(2, np.maximum(lengths, 3))
    return {"first": np.ones_like(lengths), "middle": middle, "last": lengths.astype(np.int64)}


def module_distance(
    centres: NDArray[np.float32], true: NDArray[np.int64], predicted: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the distance in mm between the centres of true and predicted modules; infinite if none is predicted."""
    apart = np.linalg.norm(centres[true].astype(np.float64) - centres[predicted], axis=1)
    return np.where(predicted >= FIRST_MODULE, apart, np.inf)


def summarise(
    true: NDArray[np.int64], predicted: NDArray[np.int64], apart: NDArray[np.float64]
) -> dict[str, float | int]:
    """Return n, the fraction predicted exactly, and the fraction within 20 mm of the true module."""
    if not len(true):
        return {"n": 0, "exact_accuracy": float("nan"), "within_20mm": float("nan")}
    exact, near = float(np.mean(true == predicted)), float(np.mean(apart <= WITHIN_MM))
    return {"n": len(true), "exact_accuracy": exact, "within_20mm": near}


def cumulative_distance(apart: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the fraction of predictions at most d mm off, for d = 0, 1, ..., 200."""
    counts = np.searchsorted(np.sort(apart), DISTANCE_GRID_MM, side="right")
    return {"distance_mm": DISTANCE_GRID_MM.astype(np.float64), "cumulative": counts / max(len(apart), 1)}


def model_predictor(objective: "MaskedModules", device: str = "cpu") -> Predictor:
    """Return the predictor of a trained model, which is moved to `device` and put in evaluation mode."""
    import torch

    objective.to(device).eval()

    def predict(tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
        predicted = objective.predict(torch.from_numpy(tokens).to(device), torch.from_numpy(positions).to(device))
        return np.asarray(predicted.cpu().numpy(), dtype=np.int64)

    return predict


def _ask(
    predict: Predictor, data: TrackData, indices: NDArray[np.int64], positions: NDArray[np.int64], shown: Input
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return true and predicted modules at one position of each track."""
    true, predicted = np.empty(len(indices), np.int64), np.empty(len(indices), np.int64)
    for start in range(0, len(indices), BATCH):
        part = slice(start, start + BATCH)
        tokens, place = data.padded(indices[part]), positions[part]
        rows = np.arange(len(tokens))
        true[part] = tokens[rows, place]
        if shown == "masked":
            tokens[rows, place] = MASK
        predicted[part] = predict(tokens, place)
    return true, predicted
