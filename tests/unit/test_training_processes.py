"""Which processes share a training, told from the variables that launchers set."""

import pytest

from prehep.training.processes import PORTS, Processes, describe_step, launched_processes

TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "RANK": "3"}
STEP = {
    "SLURM_JOB_ID": "417",
    "SLURM_STEP_ID": "2",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_PROCID": "1",
}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Processes()),
        (TORCHRUN, Processes("torchrun", count=4, nodes=2, rank=3)),
        (STEP, Processes("slurm", count=4, nodes=2, rank=1)),
        (STEP | TORCHRUN, Processes("torchrun", count=4, nodes=2, rank=3)),
        (STEP | {"SLURM_STEP_NUM_TASKS": "1"}, Processes()),
        # the script of a job of two tasks, which did not call srun
        ({"SLURM_JOB_ID": "417", "SLURM_NTASKS": "2", "SLURM_PROCID": "0"}, Processes()),
    ],
)
def test_launchers_are_recognised(environment: dict[str, str], expected: Processes) -> None:
    found = launched_processes(environment)
    assert found == expected
    assert found.per_node == expected.count // expected.nodes
    assert found.writes == (expected.rank == 0)


def test_step_overrides_what_the_job_said() -> None:
    environment = STEP | {"SLURM_NTASKS_PER_NODE": "1", "SLURM_NNODES": "3"}
    describe_step(environment, launched_processes(environment))
    assert (environment["SLURM_NTASKS_PER_NODE"], environment["SLURM_NNODES"]) == ("2", "2")


def test_steps_side_by_side_meet_at_their_own_ports() -> None:
    ports = set()
    for step in range(50):
        environment = STEP | {"SLURM_STEP_ID": str(step)}
        describe_step(environment, launched_processes(environment))
        ports.add(int(environment["MASTER_PORT"]))
    assert len(ports) == 50
    assert ports <= set(PORTS)


def test_chosen_port_is_kept() -> None:
    environment = STEP | {"MASTER_PORT": "29500"}
    describe_step(environment, launched_processes(environment))
    assert environment["MASTER_PORT"] == "29500"
