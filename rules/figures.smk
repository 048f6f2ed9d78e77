"""Figures: the rule plot_<figure> for each entry of the figures' registry."""

from prehep.figures.registry import FIGURES

for figure in FIGURES:
    folder = f"results/{{config}}/figures/{figure}"
    plotted = job_of(f"plot_{figure}", folder)

    rule:
        name:
            f"plot_{figure}"
        input:
            manifests=manifests(plotted),
            payloads=ancient(payloads(plotted)),
        output:
            manifest=f"{folder}/manifest.json",
            png=f"{folder}/{figure}.png",
            pdf=f"{folder}/{figure}.pdf",
            csv=f"{folder}/{figure}.csv",
        log:
            f"logs/plot_{figure}/{{config}}.log",
        benchmark:
            f"benchmarks-out/plot_{figure}/{{config}}.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            gpu=0,
        params:
            spec=spec(plotted),
            code=code(plotted),
            inputs=inputs(plotted),
        message:
            f"Draw {FIGURES[figure].title.lower()}"
        shell:
            "{PYTHON:q} {SCRIPTS:q}/{rule}.py --spec {params.spec:q} --code {params.code:q}"
            " --runtime {RUNTIME:q} --log {log:q}"
