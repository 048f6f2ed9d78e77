"""Snakemake calls this for the rule evaluate_model: arguments to a Spec, then the stage."""

import sys

from prehep.stages.command import main
from prehep.stages.evaluate_model import Spec, run

if __name__ == "__main__":
    sys.exit(main(Spec, run))
