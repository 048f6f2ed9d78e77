"""Embedded simulation: collision events (Pythia 8) and tracker hits (ACTS)."""
