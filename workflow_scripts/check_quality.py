"""Snakemake calls this for the rule check_quality: arguments to a Spec, then the stage."""

import sys

from prehep.stages.check_quality import Spec, run
from prehep.stages.command import main

if __name__ == "__main__":
    sys.exit(main(Spec, run))
