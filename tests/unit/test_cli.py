"""Tests of the command line: exit codes, JSON, help."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prehep.cli import app

RUNNER = CliRunner()


def test_doctor_prints_json() -> None:
    result = RUNNER.invoke(app, ["doctor", "--json"])
    findings = {finding["part"]: finding for finding in json.loads(result.stdout)}
    assert findings["torch"]["fine"]
    assert result.exit_code == int(not all(finding["fine"] for finding in findings.values()))


def test_doctor_prints_a_table() -> None:
    assert "snakemake" in RUNNER.invoke(app, ["doctor"]).stdout


def test_config_writes_checks_and_names_a_stale_file(tmp_path: Path) -> None:
    arguments = ["config", "--folder", str(tmp_path)]
    assert RUNNER.invoke(app, arguments).exit_code == 1
    assert RUNNER.invoke(app, [*arguments, "--write"]).exit_code == 0
    assert RUNNER.invoke(app, arguments).exit_code == 0
    (tmp_path / "config.yaml").write_text("name: other\n")
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 1
    assert "config.yaml differs from the models" in result.stderr


@pytest.mark.parametrize("arguments", [["nothing"], ["doctor", "--nothing"]])
def test_misuse_exits_with_two(arguments: list[str]) -> None:
    assert RUNNER.invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize("command", [command.callback.__name__ for command in app.registered_commands])
def test_every_command_has_help(command: str) -> None:
    result = RUNNER.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout
