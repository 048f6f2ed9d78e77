"""Snakemake calls this for the rule fetch_file: arguments to a Spec, then the stage."""

import sys

from prehep.stages.command import main
from prehep.stages.fetch_file import Spec, run

if __name__ == "__main__":
    sys.exit(main(Spec, run))
