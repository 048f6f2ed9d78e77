"""A sweep over label counts and seeds that never recomputes a finished fit."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prehep.core.files import write_text
from prehep.core.logging import logger
from prehep.training.classification import ClassifierFit, CurvePoint


@dataclass(frozen=True)
class FitKey:
    """One fit of a sweep: training labels per class, seed, learning rate."""

    n_labels: int
    seed: int
    learning_rate: float

    @property
    def file_name(self) -> str:
        """Return the name of the file that holds the finished fit."""
        return f"fit-{self.n_labels}-{self.seed}-{self.learning_rate!r}.json"


class FitStore:
    """Finished fits as one JSON file each, of one run only.

    Args:
        folder: the run's folder in `train_state/`.
        identity: digest of everything that defines the run; files of another identity are ignored.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.identity = identity

    def load(self, key: FitKey) -> ClassifierFit | None:
        """Return the finished fit, or None where there is none of this run."""
        try:
            saved: dict[str, Any] = json.loads((self.folder / key.file_name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            logger.warning("%s cannot be read; the fit is repeated.", self.folder / key.file_name)
            return None
        if saved.pop("identity") != self.identity:
            return None
        curve = tuple(CurvePoint(**point) for point in saved.pop("curve"))
        return ClassifierFit(**saved, curve=curve)

    def wipe(self) -> None:
        """Remove the folder and all fits in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def save(self, key: FitKey, fit: ClassifierFit) -> None:
        """Write a finished fit atomically."""
        write_text(self.folder / key.file_name, json.dumps({"identity": self.identity, **asdict(fit)}))


def run_sweep(
    n_labels: Sequence[int],
    seeds: Sequence[int],
    learning_rates: Sequence[float],
    fit: Callable[[FitKey], ClassifierFit],
    store: FitStore,
) -> Iterator[tuple[FitKey, ClassifierFit]]:
    """Yield the fit of every label count and seed.

    The first seed of a label count tries every learning rate; the one with the best validation AUC (the first of
    equals) gives that seed's result and is used by the other seeds.

    Args:
        n_labels: training labels per class.
        seeds: seeds of labels, batches and new weights.
        learning_rates: tried in turn.
        fit: does one fit.
        store: where finished fits are kept.
    """

    def finished(key: FitKey) -> ClassifierFit:
        known = store.load(key)
        if known is None:
            known = fit(key)
            store.save(key, known)
        return known

    for count in n_labels:
        tried = [FitKey(count, seeds[0], rate) for rate in learning_rates]
        fits = {key: finished(key) for key in tried}
        best = max(tried, key=lambda key: fits[key].valid_auc)
        yield best, fits[best]
        for seed in seeds[1:]:
            key = FitKey(count, seed, best.learning_rate)
            yield key, finished(key)
