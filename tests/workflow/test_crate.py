"""The Workflow Run RO-Crate of a run: valid, complete, and refused for an unfinished one."""

import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import requests
from rocrate_validator.models import Severity
from rocrate_validator.services import validate
from running import ROOT, copy_workflow
from typer.testing import CliRunner

from prehep.cli import app
from prehep.core.digests import digest_file
from prehep.core.errors import CorruptPayloadError, ExportError
from prehep.core.manifest import MANIFEST, publish, read_manifest
from prehep.core.specification import StageSpec
from prehep.workflow.crate import export_crate
from prehep.workflow.planning import ConfiguredPlan, load_plan

CONFIG = Path("config/smoke.yaml")
BIOSCHEMAS = "https://bioschemas.org/"
RUN_TERMS = "https://w3id.org/ro/terms/workflow-run"


def contexts() -> dict[str, dict[str, str]]:
    """Return the two vocabularies that the crate names: the first comes with rocrate, in a later version."""
    text = resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_text(encoding="utf-8")
    older = {name: f"{BIOSCHEMAS}{name}" for name in ("ComputationalWorkflow", "FormalParameter")}
    older |= {name: f"{BIOSCHEMAS}ComputationalWorkflow#{name}" for name in ("input", "output")}
    return {
        "https://w3id.org/ro/crate/1.1/context": json.loads(text)["@context"] | older,
        f"{RUN_TERMS}/context": {"sha256": f"{RUN_TERMS}#sha256"},
    }


@pytest.fixture
def vocabularies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer requests for the vocabularies without a network; any other request is an error."""
    known = contexts()

    def answer(_session: requests.Session, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.request = 200, request
        response.headers["Content-Type"] = "application/ld+json"
        response._content = json.dumps({"@context": known[str(request.url)]}).encode()
        return response

    monkeypatch.setattr(requests.Session, "send", answer)


def finish(plan: ConfiguredPlan) -> None:
    """Leave what a run would, with a line of text in the place of each payload."""
    for job in plan:
        spec = StageSpec(output=job.folder, planned=job.spec)
        inputs = [upstream.folder for upstream in job.upstream]
        with publish(job.folder, spec, stage=job.rule, code=plan.code(job), inputs=inputs) as publication:
            for name in job.files or ("payload.bin",):
                path = publication.payload(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{job.folder}/{name}\n")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project folder with a finished run."""
    folder = copy_workflow(tmp_path_factory.mktemp("project"))
    for name in ("CITATION.cff", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        finish(load_plan([CONFIG]))
    return folder


@pytest.fixture
def plan(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfiguredPlan:
    """Return the plan of a finished run in a folder of its own, which is the working folder."""
    monkeypatch.chdir(shutil.copytree(finished, tmp_path / "project"))
    return load_plan([CONFIG])


def entities(crate: Path) -> dict[str, dict[str, Any]]:
    graph = json.loads((crate / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    return {entity["@id"]: entity for entity in graph}


def identifiers(value: Any) -> list[str]:
    return [entry["@id"] for entry in (value if isinstance(value, list) else [value])]


@pytest.mark.usefixtures("vocabularies")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:pyshacl", "ignore::DeprecationWarning:rdflib")
def test_the_crate_is_a_valid_provenance_run_crate(plan: ConfiguredPlan, tmp_path: Path) -> None:
    crate = tmp_path / "crate"
    export_crate(plan, crate, configfiles=[CONFIG], agent="Ada Lovelace")
    settings = {
        "rocrate_uri": str(crate),
        "profile_identifier": "provenance-run-crate",
        "requirement_severity": Severity.REQUIRED,
        "no_cache": True,
    }
    assert [issue.message for issue in validate(settings).get_issues()] == []
    (crate / "Snakefile").unlink()
    assert any("Snakefile" in str(issue.message) for issue in validate(settings).get_issues())


def test_every_job_is_an_action_from_its_inputs_to_its_files(plan: ConfiguredPlan, tmp_path: Path) -> None:
    assert export_crate(plan, tmp_path / "crate", configfiles=[CONFIG]) == len(plan.jobs)
    found = entities(tmp_path / "crate")
    for job in plan:
        action = found[f"#job/{job.folder}"]
        assert action["instrument"]["@id"] == f"workflow_scripts/{job.rule}.py"
        assert "2026" < action["startTime"] <= action["endTime"]
        made = {f"{job.folder}/{name}": payload for name, payload in read_manifest(job.folder).payloads.items()}
        results = {identifier.removeprefix("#"): found[identifier] for identifier in identifiers(action["result"])}
        assert {path: results[path]["sha256"] for path in made} == {path: made[path].sha256 for path in made}
        read = {identifier.removeprefix("#") for identifier in identifiers(action["object"])} if job.upstream else set()
        assert read >= {path for upstream in job.upstream for path in (upstream.manifest, *upstream.payloads)}
    run = found["#run"]
    assert identifiers(run["object"]) == ["config/config.yaml", CONFIG.as_posix()]
    assert set(identifiers(run["result"])) >= set(plan.products)
    assert run["instrument"]["@id"] == found["./"]["mainEntity"]["@id"] == "Snakefile"


def test_what_is_copied_agrees_with_its_hash_and_data_only_on_demand(plan: ConfiguredPlan, tmp_path: Path) -> None:
    for with_data in (False, True):
        crate = tmp_path / f"crate {with_data}"
        export_crate(plan, crate, with_data=with_data)
        files = {name: entity for name, entity in entities(crate).items() if "sha256" in entity}
        copied = {name for name in files if not name.startswith("#")}
        assert {name: digest_file(crate / name) for name in copied} == {name: files[name]["sha256"] for name in copied}
        assert any(name.startswith("#runs/pretrain_model/") for name in files) is not with_data
        assert (copied >= {path for job in plan for path in job.payloads}) is with_data


def test_licence_authors_and_versions_are_told(plan: ConfiguredPlan, tmp_path: Path) -> None:
    export_crate(plan, tmp_path / "crate", agent="Ada Lovelace")
    found = entities(tmp_path / "crate")
    assert found["./"]["license"]["@id"] == "https://spdx.org/licenses/BSD-3-Clause"
    assert found[found["./"]["author"]["@id"]]["name"] == "The prehep developers"
    assert found[found["#run"]["agent"]["@id"]] == {"@id": "#Ada%20Lovelace", "@type": "Person", "name": "Ada Lovelace"}
    needed = {found[name]["name"] for name in identifiers(found["Snakefile"]["softwareRequirements"])}
    assert needed >= {"prehep", "torch", "snakemake"}


def test_a_configuration_from_elsewhere_is_copied(plan: ConfiguredPlan, tmp_path: Path) -> None:
    elsewhere = Path(shutil.copy(CONFIG, tmp_path / "mine.yaml"))
    export_crate(plan, tmp_path / "crate", configfiles=[elsewhere])
    assert identifiers(entities(tmp_path / "crate")["#run"]["object"])[1] == "configuration/mine.yaml"
    assert (tmp_path / "crate" / "configuration" / "mine.yaml").read_bytes() == elsewhere.read_bytes()


def test_an_unfinished_run_is_refused(plan: ConfiguredPlan, tmp_path: Path) -> None:
    job = plan.of("aggregate_study")[0]
    (job.folder / MANIFEST).rename(tmp_path / MANIFEST)
    for name in job.files:
        (job.folder / name).unlink(missing_ok=True)
    message = (
        rf"run smoke: expected {len(plan.jobs)} finished jobs, found \d+, without {job.folder} .*; run prehep repair"
    )
    with pytest.raises(ExportError, match=message):
        export_crate(plan, tmp_path / "crate")
    assert not (tmp_path / "crate").exists()


def test_a_result_that_changed_after_its_run_is_refused(plan: ConfiguredPlan, tmp_path: Path) -> None:
    report = Path("results/smoke/report.html")
    report.write_text(report.read_text().upper())
    with pytest.raises((CorruptPayloadError, ExportError), match="results/smoke"):
        export_crate(plan, tmp_path / "crate")


@pytest.mark.parametrize("missing", ["CITATION.cff", "results/smoke/run_info.json"])
def test_a_missing_record_is_named(plan: ConfiguredPlan, missing: str, tmp_path: Path) -> None:
    Path(missing).unlink()
    with pytest.raises(ExportError, match=missing):
        export_crate(plan, tmp_path / "crate")


def test_the_command_writes_once_and_wants_a_form(plan: ConfiguredPlan) -> None:
    runner, arguments = CliRunner(), ["export", "--configfile", str(CONFIG)]
    assert runner.invoke(app, arguments).exit_code == 2
    done = runner.invoke(app, [*arguments, "--ro-crate"])
    assert (done.exit_code, done.stdout.split(":")[0]) == (0, f"ro-crate/{plan.config.name}")
    again = runner.invoke(app, [*arguments, "--ro-crate"])
    assert again.exit_code == 2
    assert "ro-crate/smoke: expected no such folder, found one; delete it" in again.stderr


@pytest.mark.usefixtures("plan")
def test_a_fetched_file_is_told_with_its_address(tmp_path: Path) -> None:
    sample = Path("config/sample.yaml")
    finish(load_plan([sample]))
    fetched = load_plan([sample])
    export_crate(fetched, tmp_path / "crate", configfiles=[sample])
    found = entities(tmp_path / "crate")
    parts = identifiers(found["./"]["hasPart"])
    for job in fetched.of("fetch_file"):
        url = found[f"#job/{job.folder}"]["object"]["@id"]
        assert url == job.source["file"]["url"]
        assert url in parts
