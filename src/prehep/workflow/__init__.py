"""From a configuration to Snakemake targets; the only package that may import Snakemake or DVC."""
