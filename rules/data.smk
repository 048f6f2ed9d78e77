"""Data: fetched or simulated, ingested to Parquet, checked."""

FETCH_FILE = job_of("fetch_file", "data/files/{name}-{digest}")


rule fetch_file:
    input:
        manifests=manifests(FETCH_FILE),
        payloads=ancient(payloads(FETCH_FILE)),
    output:
        manifest="data/files/{name}-{digest}/manifest.json",
    log:
        "logs/fetch_file/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/fetch_file/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("fetch_file"),
    threads: 1
    resources:
        mem_mb=1000,
        gpu=gpu(FETCH_FILE),
        source=source(FETCH_FILE),
    params:
        spec=spec(FETCH_FILE),
        code=code(FETCH_FILE),
        inputs=inputs(FETCH_FILE),
    message:
        "Fetch {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/fetch_file.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --source {resources.source:q} --log {log:q}"


SIMULATE_EVENTS = job_of("simulate_events", "data/shards/{name}-{digest}")


rule simulate_events:
    input:
        manifests=manifests(SIMULATE_EVENTS),
        payloads=ancient(payloads(SIMULATE_EVENTS)),
    output:
        manifest="data/shards/{name}-{digest}/manifest.json",
        events="data/shards/{name}-{digest}/events.root",
        summary="data/shards/{name}-{digest}/summary.json",
    log:
        "logs/simulate_events/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/simulate_events/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("simulate_events"),
    threads: 1
    resources:
        mem_mb=1500,
        gpu=gpu(SIMULATE_EVENTS),
    params:
        spec=spec(SIMULATE_EVENTS),
        code=code(SIMULATE_EVENTS),
        inputs=inputs(SIMULATE_EVENTS),
    message:
        "Simulate events {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/simulate_events.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"


SIMULATE_TRACKS = job_of("simulate_tracks", "data/shards/{name}-{digest}")


rule simulate_tracks:
    input:
        manifests=manifests(SIMULATE_TRACKS),
        payloads=ancient(payloads(SIMULATE_TRACKS)),
    output:
        manifest="data/shards/{name}-{digest}/manifest.json",
    log:
        "logs/simulate_tracks/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/simulate_tracks/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("simulate_tracks"),
    threads: 1
    resources:
        mem_mb=2000,
        gpu=gpu(SIMULATE_TRACKS),
    params:
        spec=spec(SIMULATE_TRACKS),
        code=code(SIMULATE_TRACKS),
        inputs=inputs(SIMULATE_TRACKS),
    message:
        "Simulate tracks {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/simulate_tracks.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"


INGEST_EVENTS = job_of("ingest_events", "data/{name}-{digest}")


rule ingest_events:
    input:
        manifests=manifests(INGEST_EVENTS),
        payloads=ancient(payloads(INGEST_EVENTS)),
    output:
        manifest="data/{name}-{digest}/manifest.json",
        events="data/{name}-{digest}/events.parquet",
        schema="data/{name}-{digest}/schema.json",
    log:
        "logs/ingest_events/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/ingest_events/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("ingest_events"),
    threads: 1
    resources:
        mem_mb=3000,
        gpu=gpu(INGEST_EVENTS),
    params:
        spec=spec(INGEST_EVENTS),
        code=code(INGEST_EVENTS),
        inputs=inputs(INGEST_EVENTS),
    message:
        "Ingest events of {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/ingest_events.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"


INGEST_TRACKS = job_of("ingest_tracks", "data/{name}-{digest}")


rule ingest_tracks:
    input:
        manifests=manifests(INGEST_TRACKS),
        payloads=ancient(payloads(INGEST_TRACKS)),
    output:
        manifest="data/{name}-{digest}/manifest.json",
        hits="data/{name}-{digest}/hits.parquet",
        particles="data/{name}-{digest}/particles.parquet",
        modules="data/{name}-{digest}/modules.parquet",
        schema="data/{name}-{digest}/schema.json",
    log:
        "logs/ingest_tracks/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/ingest_tracks/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("ingest_tracks"),
    threads: 1
    resources:
        mem_mb=3000,
        gpu=gpu(INGEST_TRACKS),
    params:
        spec=spec(INGEST_TRACKS),
        code=code(INGEST_TRACKS),
        inputs=inputs(INGEST_TRACKS),
    message:
        "Ingest tracks of {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/ingest_tracks.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"


CHECK_QUALITY = job_of("check_quality", "data/quality/{name}-{digest}")


rule check_quality:
    input:
        manifests=manifests(CHECK_QUALITY),
        payloads=ancient(payloads(CHECK_QUALITY)),
    output:
        manifest="data/quality/{name}-{digest}/manifest.json",
        quality="data/quality/{name}-{digest}/quality.json",
    log:
        "logs/check_quality/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/check_quality/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("check_quality"),
    threads: 1
    resources:
        mem_mb=2000,
        gpu=gpu(CHECK_QUALITY),
    params:
        spec=spec(CHECK_QUALITY),
        code=code(CHECK_QUALITY),
        inputs=inputs(CHECK_QUALITY),
    message:
        "Check the quality of {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/check_quality.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"
