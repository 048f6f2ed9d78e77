"""Files that are fetched."""

from pydantic import Field

from prehep.core.settings import Settings, volatile


class RemoteFile(Settings):
    """One file of a dataset and how to know that it arrived whole."""

    url: str = Field(description="file:, http://, https:// or root:// address", json_schema_extra=volatile())
    name: str = Field(description="file name under which it is kept", pattern=r"^[\w+][\w.+-]*$")
    size: int | None = Field(None, description="bytes; null where the source does not say")
    checksum: str | None = Field(
        None, description="adler32:…, md5:… or sha256:…; null: recorded at the first download, enforced after"
    )
    sample: str | None = Field(None, description="path inside sample_dir of a local copy", json_schema_extra=volatile())
