"""Snakemake calls this for the rule build_report: arguments to a Spec, then the stage."""

import sys

from prehep.stages.build_report import Spec, run
from prehep.stages.command import main

if __name__ == "__main__":
    sys.exit(main(Spec, run))
