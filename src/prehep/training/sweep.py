"""A sweep over label counts and seeds that computes each fit once: finished fits are kept and found again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from prehep.core.digests import digest_value
from prehep.core.files import write_text
from prehep.core.logging import logger
from prehep.core.settings import Settings
from prehep.training.classification import ClassifierFit


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


class KeptFit(Settings):
    """A finished fit as its file holds it; `sha256` is the digest of all the rest."""

    identity: str
    key: FitKey
    fit: ClassifierFit
    sha256: str


class FitStore:
    """Finished fits, one JSON file each.

    Args:
        folder: where the files are; made when the first is saved.
        identity: digest of everything that decides a fit beside its key; files of another identity are not used.

    Attributes:
        computed: number of fits that were done because no file held them.
        found: number of fits that were read from their files.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.identity = identity
        self.computed = 0
        self.found = 0

    def get(self, key: FitKey, fit: Callable[[FitKey], ClassifierFit]) -> ClassifierFit:
        """Return the kept fit, or do it with `fit` and keep it."""
        known = self.load(key)
        if known is not None:
            self.found += 1
            return known
        done = fit(key)
        self.save(key, done)
        self.computed += 1
        return done

    def load(self, key: FitKey) -> ClassifierFit | None:
        """Return the kept fit, or None where there is none or its file is damaged or holds another one."""
        path = self.folder / key.file_name
        try:
            kept = KeptFit.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            kept = None
        if kept is None or kept != self._kept(key, kept.fit):
            logger.warning("%s is damaged or holds another fit than its name says; the fit is repeated.", path)
            return None
        return kept.fit

    def save(self, key: FitKey, fit: ClassifierFit) -> None:
        """Write a finished fit atomically."""
        write_text(self.folder / key.file_name, self._kept(key, fit).model_dump_json() + "\n")

    def _kept(self, key: FitKey, fit: ClassifierFit) -> KeptFit:
        content = {"identity": self.identity, "key": asdict(key), "fit": asdict(fit)}
        return KeptFit(identity=self.identity, key=key, fit=fit, sha256=digest_value(content))


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
        fit: does one fit, which may depend on nothing but its key and what the store's identity covers.
        store: where finished fits are kept.
    """
    for count in n_labels:
        tried = [FitKey(count, seeds[0], rate) for rate in learning_rates]
        fits = {key: store.get(key, fit) for key in tried}
        best = max(tried, key=lambda key: fits[key].valid_auc)
        yield best, fits[best]
        for seed in seeds[1:]:
            key = FitKey(count, seed, best.learning_rate)
            yield key, store.get(key, fit)
