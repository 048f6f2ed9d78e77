"""Load a pretrained model of any objective."""

from pathlib import Path

from prehep.hub.pretrained import Pretrained, read_config, restore_pretrained
from prehep.objectives.registry import load_objective


def load_pretrained(folder: Path) -> Pretrained:
    """Load a pretrained model with its head, on the CPU and in evaluation mode.

    `str(load_pretrained(folder).description)` says what it is: objective, architecture, tokenizer and versions.

    Args:
        folder: results of pretrain_model: config.json and objective.safetensors.

    Raises:
        ConfigError: the model was trained with an objective that this version does not have.
        FormatError: a file is absent or unreadable, or the weights do not fit the configuration; the sentence says in
            what.
    """
    return restore_pretrained(folder, load_objective(read_config(folder).settings.objective.name))
