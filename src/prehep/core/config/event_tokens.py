"""How events become what models read."""

from typing import Literal

from pydantic import Field

from prehep.core.config.splits import SplitSettings
from prehep.core.settings import Settings

Slot = Literal["lepton", "met", "bjet", "light_jet"]
Feature = Literal["pt", "eta", "sin_phi", "cos_phi", "mass", "charge", "type"]


class EventTokenSettings(Settings):
    """Events as six object slots with nine features each (paper A: 2312.06909)."""

    slots: tuple[Slot, ...] = Field(
        ("lepton", "met", "bjet", "bjet", "light_jet", "light_jet"),
        max_length=127,
        description="object of each slot, by falling pt",
    )
    features: tuple[Feature, ...] = Field(
        ("pt", "eta", "sin_phi", "cos_phi", "mass", "type"),
        description="pt and mass enter as sign(x) log10(|x|+1), type as one-hot of 4",
    )
    scaling: Literal["none", "standard"] = Field("standard", description="paper A: none")
    leptons_min: int = Field(1, description="selection: number of leptons")
    jets_min: int = Field(2, description="selection: number of jets")
    bjets_min: int = Field(0, description="selection: number of b-tagged jets")
    light_jets_min: int = Field(0, description="selection: number of jets without b-tag")
    lepton_pt_min: float = Field(25.0, description="GeV")
    jet_pt_min: float = Field(25.0, description="GeV")
    eta_max: float = Field(2.4, description="|eta| limit of leptons and jets")
    lepton_jet_distance: float = Field(
        0.4, ge=0, description="a jet closer than this in (eta, phi) to a selected lepton is left out"
    )
    split: SplitSettings = SplitSettings()
