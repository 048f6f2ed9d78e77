"""The plan of the configuration, and the functions by which rules look their jobs up."""

import json
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from prehep.core.errors import ConfigError
from prehep.workflow.planning import make_plan

try:
    plan = make_plan(config, Path(workflow.basedir) / "config")
except ConfigError as error:
    raise WorkflowError(str(error))

PYTHON = sys.executable
SCRIPTS = str(Path(workflow.basedir) / "workflow_scripts")
RUNTIME = json.dumps(plan.runtime)


wildcard_constraints:
    digest="[0-9a-f]{8}",
    config="[a-z0-9_]+",


def names(rule):
    """Return a regular expression of the names that a rule makes."""
    return "|".join(re.escape(job.name) for job in plan.of(rule)) or "(?!)"


def job_of(rule, folder):
    """Return a function from wildcards to the job that fills a folder."""
    return lambda wildcards: plan.find(rule, folder.format(**wildcards))


def manifests(job):
    """Return the inputs by which a job is ordered after the jobs that it reads."""
    return lambda wildcards: [upstream.manifest for upstream in job(wildcards).upstream]


def payloads(job):
    """Return the files that a job reads, whose own times do not matter."""
    return lambda wildcards: [
        path for upstream in job(wildcards).upstream for path in upstream.payloads
    ]


def spec(job):
    """Return the specification with every configuration value that a job uses."""
    return lambda wildcards: job(wildcards).arguments


def code(job):
    """Return the fingerprint of the code that a job can reach."""
    return lambda wildcards: job(wildcards).code


def source(job):
    """Return what a job needs but does not depend on: addresses of files."""
    return lambda wildcards: json.dumps(job(wildcards).source)


def gpu(job):
    """Return 1 for a training where the configured device is a GPU, else 0, so that CPU trainings run side by side."""
    return lambda wildcards: int(job(wildcards).gpu and plan.uses_gpu)


def threads_of(job):
    """Return the threads of a training, which are part of its digest."""
    return lambda wildcards: job(wildcards).threads
