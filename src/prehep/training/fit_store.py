"""Finished fits of sweeps, each in a file of its own, by which an interrupted or grown sweep repeats nothing."""

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


@dataclass(frozen=True)
class FitStore:
    """Finished fits, one JSON file each.

    Attributes:
        folder: where the files are; made when the first is saved.
        identity: digest of everything that decides a fit beside its key; files of another identity are not used.
    """

    folder: Path
    identity: str

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

    def clean(self) -> None:
        """Remove what killed writers left unfinished; nobody may be writing."""
        for partial in self.folder.glob(".*.partial"):
            partial.unlink()

    def _kept(self, key: FitKey, fit: ClassifierFit) -> KeptFit:
        content = {"identity": self.identity, "key": asdict(key), "fit": asdict(fit)}
        return KeptFit(identity=self.identity, key=key, fit=fit, sha256=digest_value(content))
