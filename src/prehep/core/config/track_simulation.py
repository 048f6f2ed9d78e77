"""The embedded simulation of tracks."""

from typing import Literal

from pydantic import Field

from prehep.core.settings import Settings, volatile


class SimulatedTracks(Settings):
    """Tracker hits of the ACTS generic detector."""

    source: Literal["simulated_tracks"] = "simulated_tracks"
    title: str = Field("", description="what the report calls it", json_schema_extra=volatile())
    generator: Literal["muon_gun", "ttbar"]
    events: int = Field(50, gt=0)
    shards: int = Field(4, gt=0, description="groups of events made in parallel")
    seed: int = 1
    muons: int = Field(1_000, gt=0, description="muons per event of the gun")
    pt_min: float = Field(0.5, description="GeV, gun")
    pt_max: float = Field(10.0, description="GeV, gun")
    eta_max: float = Field(3.0, description="|eta| limit of the gun")
    pile_up: int = Field(20, ge=0, description="mean number of additional collisions with ttbar")
    beam_spot_sigma_z: float = Field(5.5, description="mm")
    beam_spot_sigma_xy: float = Field(0.0125, description="mm")
    magnetic_field: float = Field(2.0, description="tesla, along z")
    detector: Literal["full", "pixels"] = Field(
        "full", description="pixels: only volumes 7 to 9, in about half the time and bytes"
    )
    noise_fraction: float = Field(0.0, ge=0, lt=1, description="noise hits as a fraction of all hits")
    inefficiency: float = Field(0.0, ge=0, lt=1, description="probability that a hit is lost")
