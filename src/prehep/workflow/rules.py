"""The commands of the rules: an edited command counts as edited code."""

import ast
import hashlib
import re
from pathlib import Path

NAMED = re.compile(r"^rule (\w+):\n(.*?)(?=^[^\s#]|\Z)", re.MULTILINE | re.DOTALL)
PLOTS = re.compile(r"^    rule:\n(.*?)(?=^    [^\s#]|^[^\s#]|\Z)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^( +)shell:\n((?:\1 +.*\n?|\n)+)", re.MULTILINE)
PLOT = "plot_"


def command_digests(folder: Path) -> dict[str, str]:
    """Return the digest of each rule's shell command, by rule; that of all figures under `plot_`.

    Layout and comments of the command do not count.

    Args:
        folder: where the `.smk` files are.
    """
    digests = {}
    for path in sorted(folder.glob("*.smk")):
        text = path.read_text(encoding="utf-8")
        rules = [*NAMED.findall(text), *((PLOT, body) for body in PLOTS.findall(text))]
        for name, body in rules:
            command = COMMAND.search(body)
            words = ast.literal_eval(f"({command.group(2)})") if command else ""
            digests[name] = hashlib.sha256(words.encode()).hexdigest()[:16]
    return digests
