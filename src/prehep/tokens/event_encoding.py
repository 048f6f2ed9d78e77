"""How events were encoded, as it is saved beside them and beside a model."""

from pydantic import Field

from prehep.core.config.event_tokens import Feature, Slot
from prehep.core.errors import FormatError
from prehep.core.settings import Settings
from prehep.tokens.event_features import Scaling


class EventEncoding(Settings):
    """How events were encoded: the saved artefact `encoding.json`.

    Attributes:
        slots: object of each slot.
        features: features of each object.
        columns: name of each column of the features; the type takes four.
        scaling: shift and width of each column.
        processes: names of the generated processes that process.npy points into.
        cut_flow: events left after each cut.
        missing: objects and branches that the data do not have.
    """

    slots: tuple[Slot, ...]
    features: tuple[Feature, ...]
    columns: tuple[str, ...]
    scaling: Scaling
    processes: tuple[str, ...] = ()
    cut_flow: dict[str, int] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def check_same(self, other: "EventEncoding", name: str) -> None:
        """Check that other data can be read by the same network.

        Raises:
            FormatError: slots, features or scaling differ; `name` is what the sentence calls the other data.
        """
        for part in ("slots", "features", "scaling"):
            if getattr(self, part) != getattr(other, part):
                raise FormatError(
                    f"{name} was tokenised with other {part} ({getattr(other, part)}, expected {getattr(self, part)}); "
                    "tokenise it with the same settings and scaling_from."
                )
