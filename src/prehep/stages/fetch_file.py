"""Stage fetch_file: one published file, whole and verified."""

from pathlib import Path

from pydantic import Field

from prehep.core.config.remote_files import RemoteFile
from prehep.core.logging import logger
from prehep.core.manifest import Manifest, publish, read_manifest
from prehep.core.settings import volatile
from prehep.core.specification import StageSpec
from prehep.data.fetch import fetch, local_copy
from prehep.data.recorded import recall, remember


class Spec(StageSpec):
    """Fetch one file of a dataset."""

    file: RemoteFile
    sample_dir: Path | None = Field(
        None, description="folder of local copies, read in place of the address", json_schema_extra=volatile()
    )
    recorded: Path | None = Field(
        None, description="file of checksums that no source publishes", json_schema_extra=volatile()
    )


def run(spec: Spec) -> Manifest:
    """Download the file, or copy it from `sample_dir`, and verify size and checksum.

    Where no checksum is published, that of the first download is recorded in `spec.recorded` and enforced after.

    Raises:
        FetchError: the file cannot be had, or is not the expected one.
    """
    file = spec.file
    to_record = spec.recorded if file.checksum is None else None
    expected = recall(to_record, file) if to_record else None
    source = local_copy(file, spec.sample_dir) if spec.sample_dir and file.sample else file
    with publish(spec.output, spec, stage="fetch_file", code=spec.code) as publication:
        target = publication.payload(file.name)
        fetch(source, target, expected)
        if to_record and expected is None:
            remember(to_record, file, target)
        elif file.checksum is None and expected is None:
            logger.warning("%s has no published checksum and none is recorded", file.name)
        publication.note(url=source.url)
    return read_manifest(spec.output)
