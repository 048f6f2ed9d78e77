"""How tracks become what models read."""

from pydantic import Field

from prehep.core.config.splits import SplitSettings
from prehep.core.settings import Settings


class TrackTokenSettings(Settings):
    """Tracks as sequences of pixel modules (paper B: 2402.10239)."""

    volumes: tuple[int, ...] = Field((7, 8, 9), description="detector volumes of the vocabulary")
    hits_min: int = Field(4, description="fewest hits of a track")
    hits_max: int = Field(8, description="most hits of a track")
    split: SplitSettings = SplitSettings()
