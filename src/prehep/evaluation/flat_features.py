"""The network's own input as features of boosted trees."""

import numpy as np
from numpy.typing import NDArray


def flat_features(features: NDArray[np.float32], types: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return the network's own input as one row per event, padding slots as NaN.

    Args:
        features: (events, slots, features).
        types: (events, slots), 0 = padding.

    Returns:
        (events, slots x features).
    """
    return np.where((types > 0)[..., None], features, np.float32(np.nan)).reshape(len(features), -1)
