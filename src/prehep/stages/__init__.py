"""One module per stage: a Spec and run(spec); the only layer that knows the disk."""
