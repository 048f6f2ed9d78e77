"""Datasets: real files by URL, or the embedded simulation."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from prehep.core.config.event_simulation import SimulatedEvents
from prehep.core.config.remote_files import RemoteFile
from prehep.core.config.track_simulation import SimulatedTracks
from prehep.core.settings import Settings, volatile


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


Dataset = Annotated[FilesDataset | SimulatedEvents | SimulatedTracks, Field(discriminator="source")]
