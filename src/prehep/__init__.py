"""Self-supervised pre-training for high-energy physics, from raw collisions to figures."""
