"""The facts of a machine on which the meaning of `auto` depends.

Where jobs run on other machines than the planning one (a cluster), the facts of the planning one hold for all: the main
process hands them on in `PREHEP_MACHINE`. A user who plans on a login node sets it to the facts of the compute nodes.
"""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from pydantic import ValidationError

from prehep.core.errors import ConfigError
from prehep.core.settings import Settings

VARIABLE = "PREHEP_MACHINE"
PROCESSOR = Path("/proc/cpuinfo")
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Processor flags of Linux, on x86 and ARM."""


class Machine(Settings):
    """What the meaning of `auto` depends on.

    Attributes:
        cuda: whether trainings run on a CUDA device.
        bfloat16: whether the processor multiplies bfloat16 in hardware.
        cores: processor cores that this process may use.
    """

    cuda: bool = False
    bfloat16: bool = False
    cores: int = 1


def this_machine(environment: Mapping[str, str] = os.environ) -> Machine:
    """Return the facts that `PREHEP_MACHINE` holds, or else those of the machine this runs on; torch is not imported.

    Raises:
        ConfigError: the variable cannot be read.
    """
    if VARIABLE in environment:
        try:
            return Machine.model_validate_json(environment[VARIABLE])
        except ValidationError as error:
            expected = Machine().model_dump_json()
            raise ConfigError(
                f"{VARIABLE} is {environment[VARIABLE]!r}, expected facts like {expected}; unset it or mend it."
            ) from error
    visible = environment.get("CUDA_VISIBLE_DEVICES", "all") not in {"", "-1"}
    return Machine(
        cuda=visible and any(Path("/dev").glob("nvidia[0-9]*")),
        bfloat16=bool(BFLOAT16_FLAGS & _processor_flags(PROCESSOR)),
        cores=_cores(),
    )


def hand_on(machine: Machine, environment: MutableMapping[str, str] = os.environ) -> None:
    """Let the processes that this one starts resolve `auto` alike, also on other machines."""
    environment[VARIABLE] = machine.model_dump_json()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _processor_flags(path: Path) -> set[str]:
    """Return the flags of the first processor; none where the system does not tell."""
    if not path.is_file():
        return set()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return set(next((line for line in lines if line.startswith(("flags", "Features"))), "").split())
