"""Exponential moving averages of weights."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def make_average(module: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of a module's weights, to be updated after every step.

    The first update copies the weights; each later one moves the average by 1 - decay of the way to them. Buffers are
    copied, not averaged. The average costs the memory of the weights once more.

    Args:
        module: what is trained.
        decay: weight of the average so far, 0 to 1.
    """
    return AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
