"""The one lazy map from the name of an objective to its class.

A new objective is one module and one entry here; only the chosen module is imported. Stages are told the entry by the
workflow and do not read this map: what is added here reruns nothing.
"""

from typing import TYPE_CHECKING

from prehep.core.errors import ConfigError
from prehep.core.lazy import load

if TYPE_CHECKING:
    from prehep.objectives.base import Objective

OBJECTIVES = {
    "masked_type": "prehep.objectives.masked_type:MaskedType",
    "masked_kinematics": "prehep.objectives.masked_kinematics:MaskedKinematics",
    "mdm": "prehep.objectives.mdm:MaskedModules",
}


def load_objective(name: str) -> "type[Objective]":
    """Import and return the class of one objective.

    Raises:
        ConfigError: no objective has this name.
    """
    if name not in OBJECTIVES:
        raise ConfigError(f"objective {name!r} does not exist; choose one of {', '.join(OBJECTIVES)}.")
    objective: type[Objective] = load(OBJECTIVES[name])
    return objective
