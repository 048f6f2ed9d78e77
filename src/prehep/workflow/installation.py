"""What an installation can do."""

import platform
import sys
from importlib import metadata

from prehep.core.settings import Settings

PARTS = {
    "snakemake": "runs the workflow",
    "dvc": "stores and restores results",
    "torch": "training",
    "uproot": "NanoAOD files",
    "pythia8mc": "embedded simulation of events and tracks",
    "fastjet": "embedded simulation of events",
    "pyacts": "embedded simulation of tracks",
    "xrootd": "root:// addresses",
}


class Finding(Settings):
    """One part of the installation: what was found and whether it is fine."""

    part: str
    found: str
    fine: bool
    purpose: str


def inspect() -> list[Finding]:
    """Return what was found of Python, the packages that matter, and the GPU."""
    recent = sys.version_info >= (3, 11)
    findings = [Finding(part="python", found=platform.python_version(), fine=recent, purpose="3.11 or newer")]
    for package, purpose in PARTS.items():
        try:
            found, fine = metadata.version(package), True
        except metadata.PackageNotFoundError:
            found, fine = "not installed", False
        findings.append(Finding(part=package, found=found, fine=fine, purpose=purpose))
    import torch

    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none: trainings run on the CPU"
    findings.append(Finding(part="gpu", found=card, fine=True, purpose="faster training"))
    return findings
