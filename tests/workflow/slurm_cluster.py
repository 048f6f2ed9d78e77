"""Slurm of one node on this machine, for tests: started in a folder of its own, stopped when it is left."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

CLIENTS = ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
PROGRAMS = ("munged", "slurmctld", "slurmd", *CLIENTS)
CONFIGURATION = """\
ClusterName=prehep
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MailProg=/bin/true
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MpiDefault=none
KillWait=20
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> str | None:
    """Return why no cluster can be started here, or None."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed (Debian: slurm-wlm, munge)"
    return None if os.geteuid() == 0 else "Slurm's daemons need root"


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its partition is `main`, it has two cores at least.

    Attributes:
        environment: variables with which the commands of Slurm find it.
    """

    environment: dict[str, str]

    def call(self, *command: str, timeout: int = 300) -> subprocess.CompletedProcess[str]:
        """Run a command that talks to the cluster."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def submit(self, script: Path, *options: str) -> str:
        """Submit a batch script and return the number of its job."""
        result = self.call("sbatch", "--parsable", *options, str(script))
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def state(self, job: str) -> str:
        """Return the state of a job, such as RUNNING, COMPLETED or TIMEOUT."""
        return self.call("squeue", "--noheader", "--states=all", "--format=%T", "--job", job).stdout.strip()

    def wait(self, job: str, seconds: float = 240) -> str:
        """Return the state in which a job ends."""
        deadline = time.monotonic() + seconds
        while (state := self.state(job)) in {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING"}:
            assert time.monotonic() < deadline, f"job {job} is still {state}"
            time.sleep(0.2)
        return state


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[Cluster]:
    """Start munge, controller and node, wait until jobs can run, and stop the three at the end."""
    host = socket.gethostname().partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    # a core more than there is, so that two processes fit everywhere
    values = {"host": host, "folder": folder, "cores": max(2, os.cpu_count() or 1), "memory": _memory_mb()}
    controller, daemon = _free_ports(2)
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(**values, controller=controller, daemon=daemon))
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
    names = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    path = f"{_commands(folder / 'bin', configuration)}{os.pathsep}{os.environ['PATH']}"
    cluster = Cluster(names | {"SLURM_CONF": str(configuration), "PATH": path})
    munge = [f"--{part}={folder}/munged.{part.partition('-')[0]}" for part in ("pid-file", "log-file", "seed-file")]
    commands = (
        ("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.sock", *munge),
        ("slurmctld", "-D", "-f", str(configuration)),
        ("slurmd", "-D", "-f", str(configuration), "-N", host),
    )
    with ExitStack() as stack:
        for command in commands:
            stack.enter_context(_running(command, cluster.environment, folder / f"{command[0]}.out"))
        _wait_until_idle(cluster, folder)
        yield cluster


def _commands(folder: Path, configuration: Path) -> Path:
    """Write commands that find this cluster, for Snakemake, which takes Slurm's variables away from jobs."""
    folder.mkdir()
    for name in CLIENTS:
        script = folder / name
        script.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {shutil.which(name)} "$@"\n')
        script.chmod(0o755)
    return folder


@contextmanager
def _running(command: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_until_idle(cluster: Cluster, folder: Path) -> None:
    deadline = time.monotonic() + 60
    while "idle" not in cluster.call("sinfo", "--noheader", "--format=%T").stdout:
        logs = "\n".join(path.read_text() for path in sorted(folder.glob("*.out")))
        assert time.monotonic() < deadline, f"the node is not idle:\n{logs}"
        time.sleep(0.2)


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_048_576 * 9 // 10


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
