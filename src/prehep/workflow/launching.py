"""How a rule starts a training that several processes share: the same script, by torchrun or by Slurm's srun."""

import shlex
from collections.abc import Mapping


def training_command(python: str, devices: int, environment: Mapping[str, str]) -> str:
    """Return the beginning of the shell command of a training, up to the script.

    Inside a Slurm job of several tasks, srun spreads the processes over them, on any number of nodes; everywhere else
    torchrun starts them on this machine.

    Args:
        python: path of the interpreter.
        devices: processes that share the training.
        environment: of the process that runs the rule.
    """
    interpreter = shlex.quote(python)
    if devices == 1:
        return interpreter
    if int(environment.get("SLURM_NTASKS", "1")) > 1:
        # Snakemake sets this variable to the threads of all processes; srun would give each a single processor.
        threads = f"$((OMP_NUM_THREADS / {devices}))"
        # the step of the workflow itself may already hold the job's processors
        return f"srun --overlap --kill-on-bad-exit --ntasks={devices} --cpus-per-task={threads} {interpreter}"
    # without the dashes, torchrun takes options of the script for its own
    return f"{interpreter} -m torch.distributed.run --standalone --nproc-per-node={devices} --"
