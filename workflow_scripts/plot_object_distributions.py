"""Snakemake calls this for the rule plot_object_distributions: arguments to a Spec, then the stage."""

import sys

from prehep.stages.command import main
from prehep.stages.plot_figure import Spec, run

if __name__ == "__main__":
    sys.exit(main(Spec, run))
