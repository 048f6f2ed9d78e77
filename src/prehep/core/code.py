"""The code of a job: the modules that it can reach, its workflow script and the command of its rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prehep.core.fingerprint import combine, module_digests, source_digest

COMMAND = "command of the rule"


def code_table(modules: Sequence[str], script: Path, command: str) -> dict[str, str]:
    """Return the digest of every part of a job's code, by name.

    Args:
        modules: entry modules, from which imports are followed.
        script: the workflow script.
        command: digest of the text that the rule runs.
    """
    table = {**module_digests(*modules), f"{script.parent.name}/{script.name}": source_digest(script)}
    return {**table, COMMAND: command}


@dataclass(frozen=True)
class CodeReference:
    """What a job is told of its code: enough to digest it, and the fingerprint that it had when it was planned."""

    fingerprint: str
    modules: tuple[str, ...]
    command: str

    def __str__(self) -> str:
        return f"{self.fingerprint}@{','.join(self.modules)}@{self.command}"

    @classmethod
    def parse(cls, text: str) -> "CodeReference":
        """Read what `str` wrote."""
        fingerprint, modules, command = text.split("@")
        return cls(fingerprint, tuple(modules.split(",")), command)

    def table(self, script: Path) -> dict[str, str]:
        """Return the digest of every part of the code as it is now."""
        return code_table(self.modules, script, self.command)

    def is_current(self, table: dict[str, str]) -> bool:
        """Tell whether the code is still as it was planned."""
        return combine(table) == self.fingerprint
