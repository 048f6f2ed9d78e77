"""prehep: from raw collisions to the figures of four papers. `snakemake --cores all --resources gpu=1` runs everything."""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/tokens.smk"
include: "rules/pretrain.smk"
include: "rules/finetune.smk"
include: "rules/evaluate.smk"
include: "rules/figures.smk"
include: "rules/publish.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        freshness.targets,
