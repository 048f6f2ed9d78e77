"""Snakemake calls this for the rule train_baseline: arguments to a Spec, then the stage."""

import sys

from prehep.stages.command import main
from prehep.stages.train_baseline import Spec, run

if __name__ == "__main__":
    sys.exit(main(Spec, run))
