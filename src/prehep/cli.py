"""The command `prehep`; heavy imports wait until a subcommand needs them."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Self-supervised pre-training for HEP.")


@app.callback()
def callback() -> None:
    """Self-supervised pre-training for high-energy physics; `snakemake` runs the workflow itself."""


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Say what this installation can do: packages, generators, GPU. Exits 1 if something is missing."""
    import json

    from rich.console import Console
    from rich.table import Table

    from prehep.workflow.installation import inspect

    findings = inspect()
    if as_json:
        typer.echo(json.dumps([finding.model_dump() for finding in findings], indent=2))
    else:
        table = Table("part", "found", "fine", "what it is for")
        for finding in findings:
            table.add_row(finding.part, finding.found, "yes" if finding.fine else "no", finding.purpose)
        Console().print(table)
    raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


@app.command()
def config(
    write: Annotated[bool, typer.Option("--write", help="write the files instead of checking them")] = False,
    folder: Annotated[Path, typer.Option(help="the configuration folder")] = Path("config"),
) -> None:
    """Check that config.yaml and schema.json agree with the models (exit 1 if not), or write them."""
    from prehep.core.config.documents import defaults_text, schema_text
    from prehep.core.files import write_text

    stale = False
    for name, text in (("config.yaml", defaults_text()), ("schema.json", schema_text())):
        path = folder / name
        if write:
            write_text(path, text)
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            typer.echo(f"{path} differs from the models; run prehep config --write.", err=True)
            stale = True
    raise typer.Exit(1 if stale else 0)
