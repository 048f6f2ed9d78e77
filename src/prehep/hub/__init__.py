"""Loading pretrained models."""
