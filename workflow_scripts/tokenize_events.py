"""Snakemake calls this for the rule tokenize_events: arguments to a Spec, then the stage."""

import sys

from prehep.stages.command import main
from prehep.stages.tokenize_events import Spec, run

if __name__ == "__main__":
    sys.exit(main(Spec, run))
