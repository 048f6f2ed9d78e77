"""Readers, fetching, quality checks, splits and the embedded simulation."""
