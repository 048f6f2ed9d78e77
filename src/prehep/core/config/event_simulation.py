"""The embedded simulation of collision events."""

from typing import Literal

from pydantic import Field, model_validator

from prehep.core.config.processes import Process
from prehep.core.settings import Settings, volatile


class BtagSettings(Settings):
    """The b-tag score of simulated jets; by default shaped like DeepJet (Jet_btagDeepFlavB) in CMS Run 2."""

    medium: float = Field(0.2783, gt=0, lt=1, description="medium working point of the score")
    bottom: float = Field(0.80, gt=0, lt=1, description="share of b jets above the medium point")
    charm: float = Field(0.15, gt=0, lt=1, description="share of c jets above the medium point")
    light: float = Field(0.01, gt=0, lt=1, description="share of other jets above the medium point")


class DetectorSettings(Settings):
    """The parametrised CMS-like detector of the event simulation."""

    lepton_pt_min: float = Field(25.0, description="GeV; trigger threshold of the leading lepton")
    lepton_pt_stored: float = Field(10.0, description="GeV; softest lepton that is written")
    lepton_eta_max: float = Field(2.4, description="|eta| limit of electrons and muons")
    lepton_isolation_max: float = Field(
        0.25, description="energy in a cone of 0.3 over the lepton pt; less isolated leptons stay in jets"
    )
    muon_efficiency: float = Field(0.95, ge=0, le=1, description="identification of muons")
    electron_efficiency: float = Field(0.85, ge=0, le=1, description="identification of electrons")
    muon_resolution: float = Field(0.012, ge=0, description="relative pt resolution of muons")
    electron_resolution: float = Field(0.02, ge=0, description="relative pt resolution of electrons")
    jet_pt_min: float = Field(20.0, description="GeV; softest jet that is written")
    jet_eta_max: float = Field(4.7, description="|eta| limit of jets")
    jet_radius: float = Field(0.4, description="anti-kT radius")
    jet_noise: float = Field(3.0, ge=0, description="GeV; noise term of the jet resolution")
    jet_stochastic: float = Field(0.9, ge=0, description="sqrt(GeV); stochastic term of the jet resolution")
    jet_constant: float = Field(0.04, ge=0, description="constant term of the jet resolution")
    jet_angle_resolution: float = Field(0.015, ge=0, description="rad; resolution of jet eta and phi")
    jet_mass_resolution: float = Field(0.1, ge=0, description="relative, beyond the shift of the jet pt")
    met_stochastic: float = Field(0.6, ge=0, description="sqrt(GeV); of the energy outside jets and leptons")
    met_constant: float = Field(10.0, ge=0, description="GeV per axis; stands for pile-up")
    btag: BtagSettings = BtagSettings()


class PreselectionSettings(Settings):
    """What an event must have beside the triggering lepton, so that no time goes into events that are cut later."""

    jets_min: int = Field(2, ge=0, description="fewest jets; 0 keeps every triggered event")
    jet_pt_min: float = Field(25.0, description="GeV; of the jets that are counted")
    jet_eta_max: float = Field(2.4, description="|eta| of the jets that are counted")


class SimulatedEvents(Settings):
    """A cocktail of Pythia 8 processes behind a lepton trigger."""

    source: Literal["simulated_events"] = "simulated_events"
    title: str = Field("", description="what the report calls it", json_schema_extra=volatile())
    mixture: dict[Process, float] = Field(description="process and its fraction of the accepted events; sums to 1")
    events: int = Field(20_000, gt=0, description="accepted (triggered) events in all shards")
    shards: int = Field(4, gt=0, description="files made in parallel")
    labels: bool = Field(description="write generator labels; false for pseudo-data")
    seed: int = 1
    energy: float = Field(13_000.0, gt=0, description="GeV; proton-proton centre-of-mass energy")
    multi_parton_interactions: bool = Field(False, description="underlying event; more than doubles the time")
    detector: DetectorSettings = DetectorSettings()
    preselection: PreselectionSettings = PreselectionSettings()

    @model_validator(mode="after")
    def _fractions_sum_to_one(self) -> "SimulatedEvents":
        total = sum(self.mixture.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the fractions of mixture sum to {total:g}, expected 1")
        if self.events < self.shards:
            raise ValueError(f"{self.shards} shards need at least as many events, found {self.events}")
        if min(self.mixture.values()) <= 0:
            raise ValueError("a fraction of mixture is not positive; leave that process out")
        return self
