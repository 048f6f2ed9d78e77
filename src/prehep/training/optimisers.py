"""Optimisers by name: fused AdamW, SGD with momentum, and Muon on the matrices of the trunk."""

from torch import nn, optim

MOMENTUM = 0.9


def make_optimisers(module: nn.Module, name: str, learning_rate: float, weight_decay: float) -> list[optim.Optimizer]:
    """Return the optimisers that together hold every trained parameter once.

    Args:
        module: what is trained.
        name: adamw; sgd with momentum 0.9 (paper A: 2312.06909); muon = Muon (Jordan et al. 2024, with the step size
            of Liu et al. 2502.16982, so that AdamW's learning rate fits) on the matrices of the transformer's
            blocks, AdamW on embeddings, heads, biases and norms.
        learning_rate: of every group.
        weight_decay: on matrices only with adamw and muon, on everything with sgd as published.

    Raises:
        ValueError: the name is unknown.
    """
    named = [(key, parameter) for key, parameter in module.named_parameters() if parameter.requires_grad]
    if name == "sgd":
        parameters = [parameter for _, parameter in named]
        return [optim.SGD(parameters, lr=learning_rate, momentum=MOMENTUM, weight_decay=weight_decay)]
    if name == "adamw":
        return [_adamw([parameter for _, parameter in named], learning_rate, weight_decay)]
    if name != "muon":
        raise ValueError(f"optimiser {name!r} is unknown")
    trunk = [parameter for key, parameter in named if is_trunk_matrix(key, parameter)]
    rest = [parameter for key, parameter in named if not is_trunk_matrix(key, parameter)]
    optimisers: list[optim.Optimizer] = [_adamw(rest, learning_rate, weight_decay)]
    if trunk:
        muon = optim.Muon(trunk, lr=learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        optimisers.append(muon)
    return optimisers


def is_trunk_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether a parameter is a matrix inside the encoder's transformer blocks."""
    return parameter.ndim == 2 and ".blocks." in f".{name}"


def _adamw(parameters: list[nn.Parameter], learning_rate: float, weight_decay: float) -> optim.AdamW:
    """Return fused AdamW that shrinks matrices only: decay of biases and norms fights their purpose."""
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return optim.AdamW([group for group in groups if group["params"]], lr=learning_rate, fused=True)
