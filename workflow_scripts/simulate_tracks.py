"""Snakemake calls this for the rule simulate_tracks: arguments to a Spec, then the stage."""

import sys

from prehep.stages.command import main
from prehep.stages.simulate_tracks import Spec, run

if __name__ == "__main__":
    sys.exit(main(Spec, run))
