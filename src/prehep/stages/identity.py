"""The digest by which a run recognises its own earlier work: unfinished states, finished fits."""

from collections.abc import Iterable
from pathlib import Path

from prehep.core.digests import digest_value
from prehep.core.manifest import read_manifest
from prehep.core.settings import defining
from prehep.core.specification import StageSpec
from prehep.core.versions import installed_versions


def run_identity(spec: StageSpec, inputs: Iterable[Path]) -> str:
    """Return the digest of what decides a run's results: specification, code, input manifests and version of torch.

    Neither a state nor a table must mix what two versions of torch computed.
    """
    upstream = {folder.as_posix(): read_manifest(folder).digest for folder in inputs}
    versions = installed_versions(["torch"])
    return digest_value({"spec": defining(spec), "code": spec.code, "inputs": upstream, "versions": versions})
