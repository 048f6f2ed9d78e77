"""Settings, errors, logging, seeds, atomic files, manifests, digests: what every layer may use."""
