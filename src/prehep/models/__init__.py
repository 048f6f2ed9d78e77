"""Plain torch modules: no configuration objects, no input or output."""
