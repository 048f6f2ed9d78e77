"""What a user may call a job."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from running import ROOT

from prehep.core.config.documents import defaults_text
from prehep.core.errors import TargetError
from prehep.core.settings import merge
from prehep.workflow.jobs import Job
from prehep.workflow.planning import make_plan
from prehep.workflow.targets import find_jobs

CONFIG = ROOT / "config"
SMOKE = yaml.safe_load((CONFIG / "smoke.yaml").read_text())
PLAN = make_plan(merge(yaml.safe_load(defaults_text()), SMOKE), CONFIG)
JOBS = sorted(PLAN.jobs.values(), key=lambda job: job.manifest)
FIGURE = "results/smoke/figures/mdm_accuracy"


def found(target: str) -> set[str]:
    return {job.folder.as_posix() for job in find_jobs(PLAN, target)}


def test_rule_means_all_its_jobs() -> None:
    assert find_jobs(PLAN, "pretrain_model") == PLAN.of("pretrain_model")
    assert find_jobs(PLAN, "plot_mdm_accuracy") == PLAN.of("plot_mdm_accuracy")


def test_name_means_every_job_of_that_name() -> None:
    rules = {job.rule for job in find_jobs(PLAN, "pseudo_data")}
    assert rules == {"ingest_events", "check_quality", "tokenize_events"}
    assert found("mdm_accuracy") == {FIGURE}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.folder.as_posix())
def test_folder_and_anything_directly_in_it_mean_the_job(job: Job) -> None:
    folder = job.folder.as_posix()
    for target in (folder, f"{folder}/", f"./{folder}", str(Path(folder).absolute()), job.manifest, *job.payloads):
        assert find_jobs(PLAN, target) == [job]
    if not folder.startswith("results"):
        assert find_jobs(PLAN, job.folder.name) == [job]


@given(st.sampled_from(JOBS), st.sampled_from(["manifest.json", "run_info.json", "new.bin"]))
def test_file_need_not_exist(job: Job, name: str) -> None:
    assert find_jobs(PLAN, f"{job.folder}/{name}") == [job]


@pytest.mark.parametrize("suffix", ["png", "pdf", "csv"])
def test_figure_file(suffix: str) -> None:
    assert found(f"{FIGURE}/mdm_accuracy.{suffix}") == {FIGURE}
    assert found(f"mdm_accuracy.{suffix}") == {FIGURE}


def test_report_owns_its_tables_but_not_the_figures_beside() -> None:
    assert found("results/smoke") == found("results/smoke/tables/mdm_accuracy.csv") == {"results/smoke"}
    assert found("results/smoke/figures") == {f.folder.as_posix() for f in JOBS if f.rule.startswith("plot_")}
    with pytest.raises(TargetError, match="did you mean results/smoke/figures/mdm_accuracy"):
        find_jobs(PLAN, "results/smoke/figures/mdm_acuracy")


def test_folder_of_folders_means_all_in_it() -> None:
    assert found("runs/finetune_sweep/") == {job.folder.as_posix() for job in PLAN.of("finetune_sweep")}
    rules = {job.rule for job in find_jobs(PLAN, "tokens")}
    assert rules == {"tokenize_events", "tokenize_tracks"}


@pytest.mark.parametrize("target", ["", "..", "/", "results/default/figures/mdm_accuracy/mdm_accuracy.png", "qqq"])
def test_what_is_no_job(target: str) -> None:
    with pytest.raises(TargetError, match="is no job of this configuration"):
        find_jobs(PLAN, target)


def test_near_names_are_suggested() -> None:
    with pytest.raises(TargetError, match=r"pretrain_modle is no job .* did you mean pretrain_model"):
        find_jobs(PLAN, "pretrain_modle")
    with pytest.raises(TargetError, match=r"give a rule \(aggregate_study, .*\), a name, a folder or a file"):
        find_jobs(PLAN, "qqq")
