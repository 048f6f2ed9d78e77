"""The training loop, its exact-resume state and the fine-tuning sweep."""
