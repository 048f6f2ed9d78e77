"""Snakemake calls this for the rule pretrain_model: arguments to a Spec, then the stage."""

import gc
import sys

if __name__ == "__main__":
    # thousands of imported modules leave no garbage; looking for it takes a fifth of the time to the first step
    gc.disable()
    from prehep.stages.command import main
    from prehep.stages.pretrain_model import Spec, run

    gc.freeze()
    gc.enable()
    sys.exit(main(Spec, run))
