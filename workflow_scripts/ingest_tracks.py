"""Snakemake calls this for the rule ingest_tracks: arguments to a Spec, then the stage."""

import sys

from prehep.stages.command import main
from prehep.stages.ingest_tracks import Spec, run

if __name__ == "__main__":
    sys.exit(main(Spec, run))
