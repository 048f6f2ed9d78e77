"""Snakemake calls this for the rule finetune_sweep: arguments to a Spec, then the stage."""

import sys

from prehep.stages.command import main
from prehep.stages.finetune_sweep import Spec, run

if __name__ == "__main__":
    sys.exit(main(Spec, run))
