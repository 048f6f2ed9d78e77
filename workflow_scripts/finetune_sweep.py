"""Snakemake calls this for the rule finetune_sweep: arguments to a Spec, then the stage."""

import sys

if __name__ == "__main__":
    # the workers of the sweep import this file again, and need nothing of it
    from prehep.stages.command import main
    from prehep.stages.finetune_sweep import Spec, run

    sys.exit(main(Spec, run))
