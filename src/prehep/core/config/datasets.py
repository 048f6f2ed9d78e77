"""Datasets: real files by URL, or the embedded simulation."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from prehep.core.settings import Settings, volatile

Process = Literal["ttbar", "single_top", "w_jets", "z_jets", "diboson", "qcd_bb", "signal_2hdm", "ttbar_semileptonic"]


class RemoteFile(Settings):
    """One file of a dataset and how to know that it arrived whole."""

    url: str = Field(description="file:, http://, https:// or root:// address", json_schema_extra=volatile())
    name: str = Field(description="file name under which it is kept", pattern=r"^[\w+][\w.+-]*$")
    size: int | None = Field(None, description="bytes; null where the source does not say")
    checksum: str | None = Field(
        None, description="adler32:…, md5:… or sha256:…; null: recorded at the first download, enforced after"
    )
    sample: str | None = Field(None, description="path inside sample_dir of a local copy", json_schema_extra=volatile())


class FilesDataset(Settings):
    """A dataset of published files."""

    source: Literal["files"] = "files"
    title: str = Field("", description="what the report calls it", json_schema_extra=volatile())
    content: Literal["events", "tracks"]
    reader: Literal["nanoaod", "nanoaod_2012", "trackml"] = Field(description="file format")
    origin: Literal["collisions", "cms_simulation", "trackml_simulation"] = Field(description="who made the data")
    year: str = Field("", description="data-taking period", json_schema_extra=volatile())
    licence: str = Field("", json_schema_extra=volatile())
    record: str = Field("", description="DOI or landing page", json_schema_extra=volatile())
    missing: tuple[str, ...] = Field(
        (),
        description="objects or branches that these files lack and that are declared absent, e.g. Jet, MET",
    )
    btag_branch: str | None = Field(
        None, description="jet branch with the b-tag score; null: the first filled one that the reader knows"
    )
    btag_medium: float | None = Field(
        None, description="medium working point of that score; null: the reader's usual one"
    )
    certified_runs: RemoteFile | None = Field(
        None, description="list of validated runs (JSON); other luminosity sections are dropped"
    )
    indices: tuple[RemoteFile, ...] = Field(
        (), description="file indices of the record, from which more files can be added", json_schema_extra=volatile()
    )
    files: tuple[RemoteFile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "FilesDataset":
        names = [file.name for file in self.files]
        if len(names) != len(set(names)):
            raise ValueError("two files have the same name")
        return self


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


Dataset = Annotated[FilesDataset | SimulatedEvents | SimulatedTracks, Field(discriminator="source")]
