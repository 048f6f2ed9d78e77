"""Which parts of a classifier learn, and how fast: everything alike, the head alone, or slower far from the head."""

import re
from collections.abc import Iterable, Mapping

from torch import nn
from torch.optim import Optimizer

from prehep.core.config.finetuning import FinetuneSettings
from prehep.models.classifier import Classifier

BLOCK = re.compile(r"\bblocks\.(\d+)\.")


def is_frozen(settings: FinetuneSettings) -> bool:
    """Tell whether the encoder stays as it is."""
    return settings.policy == "linear_probe"


def freeze(classifier: Classifier, settings: FinetuneSettings) -> None:
    """Take an encoder that stays as it is out of the training, in place."""
    if is_frozen(settings):
        classifier.encoder.requires_grad_(requires_grad=False)


def train_mode(classifier: Classifier, settings: FinetuneSettings) -> None:
    """Switch dropout on where something learns."""
    classifier.train()
    if is_frozen(settings):
        classifier.encoder.eval()


def rate_factors(classifier: Classifier, settings: FinetuneSettings) -> dict[nn.Parameter, float]:
    """Return the factor on the learning rate of every parameter that does not learn at the full one.

    With `layer_decay` it is the decay to the power of the depth, as in BEiT (Bao et al. 2106.08254): 1 at the last
    block, one more at each block before it, and most at the embedding; what follows the blocks learns at the full rate.
    """
    if settings.policy != "layer_decay":
        return {}
    depths = layer_depths(classifier.encoder)
    return {parameter: settings.layer_decay**depth for parameter, depth in depths.items() if depth}


def layer_depths(encoder: nn.Module) -> dict[nn.Parameter, int]:
    """Return how many layers each parameter of an encoder is away from the head: 0 for what follows the last block.

    What is defined before the first block counts as embedding; without any block, everything does.
    """
    found = [(BLOCK.search(name), parameter) for name, parameter in encoder.named_parameters()]
    blocks = 1 + max((int(match[1]) for match, _ in found if match), default=-1)
    depths, after = {}, False
    for match, parameter in found:
        after = after or match is not None
        depths[parameter] = blocks - int(match[1]) if match else (0 if after else blocks + 1)
    return depths


def scale_rates(optimisers: Iterable[Optimizer], factors: Mapping[nn.Parameter, float]) -> None:
    """Give parameters their factor on the learning rate: groups of a new optimiser are split, in place.

    The key `factor` of a group is what its learning rate is multiplied with.
    """
    for optimiser in optimisers:
        groups = optimiser.param_groups[:]
        optimiser.param_groups.clear()
        for group in groups:
            parts: dict[float, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                parts.setdefault(factors.get(parameter, 1.0), []).append(parameter)
            optimiser.param_groups += [{**group, "params": part, "factor": factor} for factor, part in parts.items()]
