"""Evaluation: scores of the models, and the tables of a study."""

EVALUATE_MODEL = job_of("evaluate_model", "runs/evaluate_model/{name}-{digest}")


rule evaluate_model:
    input:
        manifests=manifests(EVALUATE_MODEL),
        payloads=ancient(payloads(EVALUATE_MODEL)),
    output:
        manifest="runs/evaluate_model/{name}-{digest}/manifest.json",
    log:
        "logs/evaluate_model/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/evaluate_model/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("evaluate_model"),
    threads: threads_of(EVALUATE_MODEL)
    resources:
        mem_mb=3000,
        gpu=gpu(EVALUATE_MODEL),
    params:
        spec=spec(EVALUATE_MODEL),
        code=code(EVALUATE_MODEL),
        inputs=inputs(EVALUATE_MODEL),
    message:
        "Evaluate {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/evaluate_model.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"


AGGREGATE_STUDY = job_of("aggregate_study", "runs/aggregate_study/{name}-{digest}")


rule aggregate_study:
    input:
        manifests=manifests(AGGREGATE_STUDY),
        payloads=ancient(payloads(AGGREGATE_STUDY)),
    output:
        manifest="runs/aggregate_study/{name}-{digest}/manifest.json",
    log:
        "logs/aggregate_study/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/aggregate_study/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("aggregate_study"),
    threads: 1
    resources:
        mem_mb=2000,
        gpu=gpu(AGGREGATE_STUDY),
    params:
        spec=spec(AGGREGATE_STUDY),
        code=code(AGGREGATE_STUDY),
        inputs=inputs(AGGREGATE_STUDY),
    message:
        "Collect the tables of {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/aggregate_study.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"
