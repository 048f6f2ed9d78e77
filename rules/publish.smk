"""What is handed on: the report."""

BUILD_REPORT = job_of("build_report", "results/{config}")


rule build_report:
    input:
        manifests=manifests(BUILD_REPORT),
        payloads=ancient(payloads(BUILD_REPORT)),
    output:
        manifest="results/{config}/manifest.json",
        report="results/{config}/report.html",
        metrics="results/{config}/metrics.json",
        tables=[f"results/{{config}}/{name}" for name in plan.tables],
    log:
        "logs/build_report/{config}.log",
    benchmark:
        "benchmarks-out/build_report/{config}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        gpu=0,
    params:
        spec=spec(BUILD_REPORT),
        code=code(BUILD_REPORT),
        inputs=inputs(BUILD_REPORT),
    message:
        "Write results/{wildcards.config}/report.html"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/build_report.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"
