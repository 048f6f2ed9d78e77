"""Metrics, baselines and label efficiency, as pure functions."""
