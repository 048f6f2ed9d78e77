"""Snakemake calls this for the rule aggregate_study: arguments to a Spec, then the stage."""

import sys

from prehep.stages.aggregate_study import Spec, run
from prehep.stages.command import main

if __name__ == "__main__":
    sys.exit(main(Spec, run))
