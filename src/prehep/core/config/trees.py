"""Boosted trees."""

from typing import Literal

from pydantic import Field

from prehep.core.settings import Settings


class TreeSettings(Settings):
    """Gradient-boosted trees, tuned on validation like the networks."""

    features: Literal["flat", "engineered"]
    learning_rates: tuple[float, ...] = (0.05, 0.1)
    leaves: tuple[int, ...] = (7, 31)
    iterations: int = Field(300, description="largest number of trees; early stopping on validation")
