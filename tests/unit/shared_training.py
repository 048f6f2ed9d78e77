"""Trainings that one or several processes do: `python shared_training.py folder`, by itself, by torchrun or by srun.

The process of rank 0 writes the weights and the history of each case.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from training_examples import Batch, TinyData, TinyObjective

from prehep.core.config.training import TrainingSettings
from prehep.training.device import repeatable
from prehep.training.trainer import Trainer

BATCH_SIZES = (1, 2, 3, 5, 9, 64, 130, 200)
GRADIENT = {
    "steps": 1,
    "optimiser": "sgd",
    "learning_rate": 1.0,
    "weight_decay": 0.0,
    "warmup_fraction": 0.0,
    "schedule": "constant",
    "gradient_clip": 1e9,
}
"""One step after which the weights have moved by the gradient."""


class WholeObjective(TinyObjective):
    """A loss that compares the entries of a batch with each other, so that no part of it has a loss of its own."""

    additive = False

    def forward(self, batch: Batch) -> Batch:
        """Return the losses, the first with the spread of the predictions in it."""
        found = super().forward(batch)
        spread = self.head(self.encoder(batch["shown"], batch["features"][..., 0] != 0)).var()
        return {**found, "loss": found["loss"] + spread}


def cases() -> dict[str, tuple[type[TinyObjective], dict[str, Any]]]:
    """Return objective and settings of every training."""
    found: dict[str, tuple[type[TinyObjective], dict[str, Any]]] = {
        f"gradient-{size}": (TinyObjective, GRADIENT | {"batch_size": size}) for size in BATCH_SIZES
    }
    found["gradient-whole"] = (WholeObjective, GRADIENT | {"batch_size": 9})
    found["adamw"] = (TinyObjective, {"steps": 60, "batch_size": 7, "learning_rate": 0.01})
    found["muon"] = (TinyObjective, {"steps": 60, "batch_size": 130, "learning_rate": 0.01, "optimiser": "muon"})
    found["average"] = (TinyObjective, {"steps": 60, "batch_size": 7, "ema_decay": 0.9, "patience": 2})
    return found


def first_weights(objective: type[TinyObjective]) -> TinyObjective:
    """Return the untrained network, without dropout: which units fall out depends on the number of processes."""
    torch.manual_seed(0)
    network = objective()
    network.encoder.dropout.p = 0.0
    return network


def train(objective: type[TinyObjective], settings: dict[str, Any]) -> dict[str, Any]:
    """Return final weights, history and number of processes of one training."""
    network, data = first_weights(objective), TinyData(300, most=6)
    full = TrainingSettings.model_validate({"validation_interval": 20, **settings})
    trainer = Trainer(network, data, np.arange(200), np.arange(200, 300), full, seed=1)
    with repeatable(1):
        while not trainer.finished:
            trainer.advance()
    trainer.keep_result()
    history = [[row[name] for name in sorted(row)] for row in trainer.run.history]
    return {"weights": network.state_dict(), "history": history, "processes": trainer.fabric.world_size}


def main(folder: Path) -> None:
    """Do every training."""
    for name, case in cases().items():
        found = train(*case)
        if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
            torch.save(found, folder / f"{name}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
