"""Tokens: the arrays that models read."""

TOKENIZE_EVENTS = job_of("tokenize_events", "tokens/{name}-{digest}")


rule tokenize_events:
    input:
        manifests=manifests(TOKENIZE_EVENTS),
        payloads=ancient(payloads(TOKENIZE_EVENTS)),
    output:
        manifest="tokens/{name}-{digest}/manifest.json",
        features="tokens/{name}-{digest}/features.npy",
        types="tokens/{name}-{digest}/types.npy",
        kinematics="tokens/{name}-{digest}/kinematics.npy",
        slot="tokens/{name}-{digest}/slot.npy",
        offsets="tokens/{name}-{digest}/offsets.npy",
        weights="tokens/{name}-{digest}/weights.npy",
        split="tokens/{name}-{digest}/split.npy",
        identity="tokens/{name}-{digest}/identity.npy",
        process="tokens/{name}-{digest}/process.npy",
        encoding="tokens/{name}-{digest}/encoding.json",
    log:
        "logs/tokenize_events/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/tokenize_events/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("tokenize_events"),
    threads: 1
    resources:
        mem_mb=3000,
        gpu=gpu(TOKENIZE_EVENTS),
    params:
        spec=spec(TOKENIZE_EVENTS),
        code=code(TOKENIZE_EVENTS),
        inputs=inputs(TOKENIZE_EVENTS),
    message:
        "Tokenise events of {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/tokenize_events.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"


TOKENIZE_TRACKS = job_of("tokenize_tracks", "tokens/{name}-{digest}")


rule tokenize_tracks:
    input:
        manifests=manifests(TOKENIZE_TRACKS),
        payloads=ancient(payloads(TOKENIZE_TRACKS)),
    output:
        manifest="tokens/{name}-{digest}/manifest.json",
        tokens="tokens/{name}-{digest}/tokens.npy",
        offsets="tokens/{name}-{digest}/offsets.npy",
        positions="tokens/{name}-{digest}/positions.npy",
        pt="tokens/{name}-{digest}/pt.npy",
        event="tokens/{name}-{digest}/event.npy",
        split="tokens/{name}-{digest}/split.npy",
        identity="tokens/{name}-{digest}/identity.npy",
        vocabulary="tokens/{name}-{digest}/vocabulary.parquet",
    log:
        "logs/tokenize_tracks/{name}-{digest}.log",
    benchmark:
        "benchmarks-out/tokenize_tracks/{name}-{digest}.tsv"
    wildcard_constraints:
        name=names("tokenize_tracks"),
    threads: 1
    resources:
        mem_mb=3000,
        gpu=gpu(TOKENIZE_TRACKS),
    params:
        spec=spec(TOKENIZE_TRACKS),
        code=code(TOKENIZE_TRACKS),
        inputs=inputs(TOKENIZE_TRACKS),
    message:
        "Tokenise tracks of {wildcards.name}"
    shell:
        "{PYTHON:q} {SCRIPTS:q}/tokenize_tracks.py --spec {params.spec:q} --code {params.code:q}"
        " --runtime {RUNTIME:q} --log {log:q}"
