"""The plan of the configuration, and the functions by which rules look their jobs up."""

import json
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.enums import RerunTrigger

from prehep.core.errors import PrehepError
from prehep.workflow.freshness import Freshness
from prehep.workflow.launching import training_command
from prehep.workflow.machine import hand_on
from prehep.workflow.planning import make_plan

try:
    plan = make_plan(config, Path(workflow.basedir) / "config")
    # Only the process that decides what runs looks at what there is.
    freshness = Freshness(plan, looks=workflow.is_main_process)
except PrehepError as error:
    raise WorkflowError(str(error))

PYTHON = sys.executable
SCRIPTS = str(Path(workflow.basedir) / "workflow_scripts")
RUNTIME = json.dumps(plan.runtime)
TRAINING = training_command(PYTHON, plan.devices, os.environ)

hand_on(plan.machine)

for sentence in [*plan.warnings, *freshness.warnings]:
    if workflow.is_main_process:
        logger.warning(sentence)


onsuccess:
    for sentence in freshness.finish():
        logger.warning(sentence)


onerror:
    freshness.finish()


wildcard_constraints:
    digest="[0-9a-f]{8}",
    config="[a-z0-9_]+",


def names(rule):
    """Return a regular expression of the names that a rule makes."""
    return "|".join(re.escape(job.name) for job in plan.of(rule)) or "(?!)"


def job_of(rule, folder):
    """Return a function from wildcards to the job that fills a folder."""
    return lambda wildcards: plan.find(rule, folder.format(**wildcards))


def settled(job):
    """Tell whether a job's results are fresh, so that nothing upstream makes it run; a forced run settles nothing."""
    asked = workflow.dag_settings
    eager = (
        asked.forceall or asked.forcerun or RerunTrigger.INPUT in asked.rerun_triggers
    )
    return not eager and freshness.is_settled(job)


def manifests(job):
    """Return the inputs by which a job is ordered after the jobs that it reads."""

    def paths(wildcards):
        found = [upstream.manifest for upstream in job(wildcards).upstream]
        # a deleted input that another job needs again must not remake every fresh result that was made from it
        if not settled(job(wildcards)):
            return found
        whole = freshness.is_whole(job(wildcards))
        return [
            ancient(path) for path in (freshness.present(found) if whole else found)
        ]

    return paths


def payloads(job):
    """Return the files that a job reads, which concern only a job that may run."""

    def paths(wildcards):
        asked = job(wildcards)
        idle = settled(asked) and freshness.is_whole(asked)
        upstream = () if idle else asked.upstream
        return [path for found in upstream for path in found.payloads]

    return paths


def spec(job):
    """Return the specification with every configuration value that a job uses."""
    return lambda wildcards: plan.parameters(job(wildcards))["spec"]


def code(job):
    """Return the fingerprint of the code that a job can reach, and the modules it starts from."""
    return lambda wildcards: plan.parameters(job(wildcards))["code"]


def inputs(job):
    """Return the digest of how everything that a job reads is made."""
    return lambda wildcards: plan.parameters(job(wildcards))["inputs"]


def source(job):
    """Return what a job needs but does not depend on: addresses of files."""
    return lambda wildcards: json.dumps(job(wildcards).source)


def gpu(job, devices=1):
    """Return the GPUs of a training: none where the configured device is the CPU, so that trainings run side by side."""
    return lambda wildcards: devices * int(job(wildcards).gpu and plan.uses_gpu)


def cores_of(job):
    """Return the threads on which all tasks of a job run at once; Snakemake lowers it to the cores that there are."""
    return lambda wildcards: job(wildcards).threads * job(wildcards).tasks


def threads_of(job, devices=1):
    """Return the threads of all processes of a training; those of each are part of its digest."""
    return lambda wildcards: devices * job(wildcards).threads
