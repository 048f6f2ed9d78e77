"""Fine-tuning with few labels, and the baselines."""

FINETUNE_SWEEP = job_of("finetune_sweep", "runs/finetune_sweep/{name}-{digest}")


rule finetune_sweep:
    input:
        manifests=manifests(FINETUNE_SWEEP),
        payloads=ancient(payloads(FINETUNE_SWEEP)),
    output:
        manifest="runs/finetune_sweep/{name}-{digest}/manifest.json",
        scores="runs/finetune_sweep/{name}-{digest}/scores.csv",
        curves="runs/finetune_sweep/{name}-{digest}/curves.csv",
    log:
        "logs/finetune_sweep/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/finetune_sweep/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("finetune_sweep"),
    threads: cores_of(FINETUNE_SWEEP)
    resources:
        # one process asks, one works on each core
        mem_mb=lambda wildcards, threads: 1500 + 1500 * threads,
        gpu=gpu(FINETUNE_SWEEP),
    params:
        spec=spec(FINETUNE_SWEEP),
        code=code(FINETUNE_SWEEP),
        inputs=inputs(FINETUNE_SWEEP),
    message:
        "Fine-tune {wildcards.name} on every label count and seed"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/finetune_sweep.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --cores {threads} --log {log:q}"


TRAIN_BASELINE = job_of("train_baseline", "runs/train_baseline/{name}-{digest}")


rule train_baseline:
    input:
        manifests=manifests(TRAIN_BASELINE),
        payloads=ancient(payloads(TRAIN_BASELINE)),
    output:
        manifest="runs/train_baseline/{name}-{digest}/manifest.json",
    log:
        "logs/train_baseline/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/train_baseline/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("train_baseline"),
    threads: 1
    resources:
        mem_mb=3000,
        gpu=gpu(TRAIN_BASELINE),
    params:
        spec=spec(TRAIN_BASELINE),
        code=code(TRAIN_BASELINE),
        inputs=inputs(TRAIN_BASELINE),
    message:
        "Train the baseline {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/train_baseline.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"
