"""Pretraining: self-supervised, without labels."""

PRETRAIN_MODEL = job_of("pretrain_model", "runs/pretrain_model/{name}-{digest}")


rule pretrain_model:
    input:
        manifests=manifests(PRETRAIN_MODEL),
        payloads=ancient(payloads(PRETRAIN_MODEL)),
    output:
        manifest="runs/pretrain_model/{name}-{digest}/manifest.json",
        encoder="runs/pretrain_model/{name}-{digest}/encoder.safetensors",
        objective="runs/pretrain_model/{name}-{digest}/objective.safetensors",
        config="runs/pretrain_model/{name}-{digest}/config.json",
        history="runs/pretrain_model/{name}-{digest}/history.csv",
    log:
        "logs/pretrain_model/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/pretrain_model/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("pretrain_model"),
    threads: threads_of(PRETRAIN_MODEL, plan.devices)
    resources:
        mem_mb=3000 * plan.devices,
        gpu=gpu(PRETRAIN_MODEL, plan.devices),
    params:
        spec=spec(PRETRAIN_MODEL),
        code=code(PRETRAIN_MODEL),
        inputs=inputs(PRETRAIN_MODEL),
    message:
        "Pretrain {wildcards.name}"
    shell:
        "{TRAINING} {SCRIPTS:q}/pretrain_model.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"
