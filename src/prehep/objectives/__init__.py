"""Self-supervised tasks, one file each."""
