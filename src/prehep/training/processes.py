"""The processes that share a training: started by torchrun, by Slurm's srun, or one alone.

Sources: https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables and
https://slurm.schedmd.com/srun.html#SECTION_OUTPUT-ENVIRONMENT-VARIABLES.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Literal

Launcher = Literal["none", "torchrun", "slurm"]
PORTS = range(15_000, 25_000)


@dataclass(frozen=True)
class Processes:
    """The processes of one training, one per device.

    Attributes:
        launcher: who started them.
        count: on all nodes together.
        nodes: machines, with equally many processes each.
        rank: which of all this one is; the one of rank 0 writes.
    """

    launcher: Launcher = "none"
    count: int = 1
    nodes: int = 1
    rank: int = 0

    @property
    def per_node(self) -> int:
        """Return the processes on each node."""
        return self.count // self.nodes

    @property
    def writes(self) -> bool:
        """Tell whether this process writes states and results."""
        return self.rank == 0


def launched_processes(environment: Mapping[str, str]) -> Processes:
    """Return the processes that a launcher started, by the variables it sets; torchrun may itself run under Slurm.

    A Slurm job whose script starts Python without srun is one process, however many tasks the job has.

    Args:
        environment: of this process.
    """
    if "TORCHELASTIC_RUN_ID" in environment:
        count = int(environment["WORLD_SIZE"])
        return Processes("torchrun", count, count // int(environment["LOCAL_WORLD_SIZE"]), int(environment["RANK"]))
    count = int(environment.get("SLURM_STEP_NUM_TASKS", "1"))
    if count > 1:
        nodes = int(environment["SLURM_STEP_NUM_NODES"])
        return Processes("slurm", count, nodes, int(environment["SLURM_PROCID"]))
    return Processes()


def describe_step(environment: MutableMapping[str, str], processes: Processes) -> None:
    """Complete the variables of a Slurm step by those that Fabric expects: processes per node, where to meet.

    The job may name other values, because several of its steps may run side by side.

    Args:
        environment: of this process, changed in place.
        processes: of the step.
    """
    environment["SLURM_NTASKS_PER_NODE"] = str(processes.per_node)
    environment["SLURM_NNODES"] = str(processes.nodes)
    if processes.nodes == 1:
        environment.setdefault("MASTER_ADDR", "127.0.0.1")
    number = 100 * int(environment["SLURM_JOB_ID"]) + int(environment["SLURM_STEP_ID"])
    environment.setdefault("MASTER_PORT", str(PORTS[number % len(PORTS)]))
