"""Classification of whole events from an encoder's object vectors (paper A: 2312.06909)."""

from torch import Tensor, nn


class Classifier(nn.Module):
    """An encoder, the mean over the real objects, dropout, and one linear layer."""

    def __init__(self, encoder: nn.Module, width: int, classes: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return logits (batch, classes) from features (batch, slots, n_features) and mask (batch, slots)."""
        return self.classify(self.pool(features, mask))

    def pool(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return one vector per event, (batch, width)."""
        return masked_mean(self.encoder(features, mask), mask)

    def classify(self, pooled: Tensor) -> Tensor:
        """Return logits (batch, classes) from the vectors of `pool`."""
        return self.head(self.dropout(pooled))  # type: ignore[no-any-return]


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (batch, width) of x (batch, length, width) over the true entries of mask; 0 where none is."""
    weights = mask.unsqueeze(-1).to(x.dtype)
    return (x * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
