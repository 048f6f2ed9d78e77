"""How long `snakemake` and `prehep status` take where nothing has to be done.

Every planned result is written with its manifest and Snakemake's record, but with placeholder payloads: what is timed
reads manifests, sizes and records, never what payloads hold. `python benchmarks/noop.py --json`.
"""

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.persistence import RECORD_FORMAT_VERSION

from prehep.core.manifest import publish
from prehep.core.specification import StageSpec
from prehep.workflow.jobs import Job
from prehep.workflow.planning import ConfiguredPlan, load_plan
from prehep.workflow.records import Records, export_records

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "rules", "workflow_scripts", "config", "profiles")
JOBS = 1000
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--cores", "all", "--resources", "gpu=1")
STATUS = (sys.executable, "-m", "prehep", "status", "--json")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--repeats", type=int, default=5, help="calls of each command; the median counts")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        default, sweep = (Path(scratch) / name for name in ("default", "sweep"))
        jobs_default, jobs_sweep = finish_project(default, []), finish_project(sweep, scan(JOBS))
        commands = {
            "noop_default_s": (default, SNAKEMAKE),
            "noop_sweep_1000_s": (sweep, (*SNAKEMAKE, "--configfile", "scan.yaml")),
            "status_s": (default, STATUS),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(given.repeats):
            for name, (folder, command) in commands.items():
                times[name].append(seconds(command, folder))
    found: dict[str, Any] = {name: round(statistics.median(values), 2) for name, values in times.items()}
    found |= {"jobs_default": jobs_default, "jobs_sweep": jobs_sweep}
    lines = [f"{name:20} {value}" for name, value in found.items()]
    sys.stdout.write((json.dumps(found) if given.json else "\n".join(lines)) + "\n")


def scan(jobs: int) -> list[dict[str, Any]]:
    """Return the configuration of a scan of the mask rate with about so many jobs; each point takes two."""
    points = (jobs - len(load_plan((), ROOT).jobs)) // 2
    rates = {f"scan_{number:04d}": (number + 1) / (points + 1) for number in range(points)}
    runs = {name: {"objective": {"name": "masked_type", "mask_rate": rate}} for name, rate in rates.items()}
    return [{"name": "scan", "event_pretraining": {"pretrain": runs}}]


def finish_project(folder: Path, overlays: Sequence[dict[str, Any]]) -> int:
    """Write a project in which every job of a configuration is finished; return the number of jobs."""
    for part in PARTS:
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, _parent_made(folder / part))
    configfiles = [folder / "scan.yaml" for _ in overlays]
    for path, overlay in zip(configfiles, overlays, strict=True):
        path.write_text(yaml.safe_dump(overlay, sort_keys=False), encoding="utf-8")
    plan = load_plan(configfiles, folder)
    for job in plan:
        finish_job(plan, job, folder)
    export_records(folder)
    return len(plan.jobs)


def finish_job(plan: ConfiguredPlan, job: Job, folder: Path) -> None:
    """Write the result of one job: placeholders, the manifest, and what Snakemake would record."""
    with contextlib.chdir(folder):
        spec = StageSpec(output=job.folder, planned=job.spec, code=plan.code(job))
        inputs = [upstream.folder for upstream in job.upstream]
        with publish(job.folder, spec, stage=job.rule, code=spec.code, inputs=inputs) as publication:
            for name in job.files or ("scores.csv",):
                _parent_made(publication.payload(name)).write_bytes(f"{job.manifest} {name}".encode())
        record = {
            "rule": job.rule,
            "input": sorted(path for upstream in job.upstream for path in (upstream.manifest, *upstream.payloads)),
            "params": sorted(repr(value) for value in plan.parameters(job).values()),
            "shellcmd": job.arguments,
            "record_format_version": RECORD_FORMAT_VERSION,
        }
        for target in (job.manifest, *job.payloads):
            Records(Path()).write(target, record)


def seconds(command: Sequence[str], folder: Path) -> float:
    """Return the wall time of a command that finds nothing to do."""
    start = time.perf_counter()
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - start
    output = result.stdout + result.stderr
    if result.returncode or ("status" not in command and "Nothing to be done" not in output):
        raise SystemExit(f"{' '.join(command)} had something to do: {output[-2000:]}")
    return elapsed


def _parent_made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
