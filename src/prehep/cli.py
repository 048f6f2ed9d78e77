"""The command `prehep`; heavy imports wait until a subcommand needs them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from prehep.core.errors import CorruptPayloadError, PrehepError


class Commands(typer.core.TyperGroup):
    """Subcommands that answer misuse with one sentence and exit code 2, damaged results with 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except PrehepError as error:
            typer.echo(f"prehep: {error}", err=True)
            raise typer.Exit(1 if isinstance(error, CorruptPayloadError) else 2) from error


app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, help="Self-supervised pre-training for HEP."
)
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--configfile",
        help="configuration on top of config/config.yaml; may be repeated",
    ),
]


@app.callback()
def callback() -> None:
    """Self-supervised pre-training for high-energy physics; `snakemake` runs the workflow itself."""


@app.command()
def doctor(as_json: Json = False) -> None:
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


@app.command()
def status(
    configfile: ConfigFiles = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="compare the hash of every file, not only of changed ones")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say which results are fresh, stale, missing or corrupt, and why. Exits 1 unless all are fresh."""
    import json

    from prehep.workflow.display import console, status_table, summary
    from prehep.workflow.planning import load_plan
    from prehep.workflow.status import State, survey

    found = list(survey(load_plan(configfile or ()), deep=deep).values())
    if as_json:
        typer.echo(json.dumps([status.as_json() for status in found], indent=2))
    else:
        console().print(status_table(found))
        typer.echo(summary(found))
    raise typer.Exit(0 if all(status.state is State.FRESH for status in found) else 1)


@app.command()
def why(
    target: Annotated[str, typer.Argument(help="a result: a file, a folder, the name of a run or a rule")],
    configfile: ConfigFiles = None,
    as_json: Json = False,
) -> None:
    """Say what changed since a result was made: settings, modules, inputs, old value and new. Exits 1 if something did.

    A figure (PNG, PDF) says itself what it was made from, wherever it was copied to.
    """
    import json

    from prehep.workflow.display import console, explanation_tree, stamp_tree
    from prehep.workflow.explanation import explain_figure, explain_target
    from prehep.workflow.planning import load_plan

    figure = explain_figure(Path(target))
    found = explain_target(load_plan(configfile or ()), target, figure)
    if as_json:
        answer = {"figure": figure.as_json() if figure else None, "results": [each.as_json() for each in found]}
        typer.echo(json.dumps(answer, indent=2))
    else:
        trees = [*([stamp_tree(figure)] if figure else []), *map(explanation_tree, found)]
        console().print(*trees, sep="\n")
    fresh = all(each.is_fresh for each in found) and (figure is None or figure.current)
    raise typer.Exit(0 if fresh else 1)


@app.command()
def repair(
    configfile: ConfigFiles = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be cleared")] = False,
    missing: Annotated[bool, typer.Option("--missing", help="have missing results made too, needed or not")] = False,
    as_json: Json = False,
) -> None:
    """Clear damaged results, and only those; the next snakemake remakes them. Exits 1 if there were any."""
    import json

    from prehep.workflow.planning import load_plan
    from prehep.workflow.repair import clear, to_remake
    from prehep.workflow.status import survey

    found = to_remake(survey(load_plan(configfile or ()), deep=True).values(), missing=missing)
    if not dry_run:
        clear([status.job for status in found])
    if as_json:
        typer.echo(json.dumps([status.as_json() for status in found], indent=2))
    else:
        for status in found:
            reason = status.reasons[0] if status.reasons else status.state
            typer.echo(f"{'would clear' if dry_run else 'cleared'} {status.job.folder}: {reason}")
        if not (found and dry_run):
            typer.echo("Run snakemake to remake what was cleared." if found else "Nothing is damaged.")
    raise typer.Exit(1 if found else 0)


@app.command()
def export(
    ro_crate: Annotated[bool, typer.Option("--ro-crate", help="as Workflow Run RO-Crate")] = False,
    output: Annotated[Path | None, typer.Option(help="folder to write; default ro-crate/<name of the run>")] = None,
    configfile: ConfigFiles = None,
    with_data: Annotated[bool, typer.Option("--with-data", help="copy data and models too")] = False,
    agent: Annotated[str | None, typer.Option(help="name of the person who ran it")] = None,
) -> None:
    """Write a finished run with its provenance, to be archived or published. Refuses a run that is not finished."""
    from prehep.workflow.crate import export_crate
    from prehep.workflow.planning import load_plan

    if not ro_crate:
        raise typer.BadParameter("say in which form to export: --ro-crate is the only one.")
    plan = load_plan(configfile or ())
    folder = output or Path("ro-crate") / plan.config.name
    jobs = export_crate(plan, folder, configfiles=configfile or (), with_data=with_data, agent=agent)
    typer.echo(f"{folder}: a crate of {jobs} jobs; {folder}/ro-crate-metadata.json tells how each file was made.")


@app.command()
def snapshot(
    configfile: ConfigFiles = None,
    push: Annotated[bool, typer.Option(help="copy to the default remote of DVC, where there is one")] = True,
    as_json: Json = False,
) -> None:
    """Store every finished result with DVC and describe it in dvc.lock. Exits 1 if a result is damaged."""
    import json
    from dataclasses import asdict

    from prehep.workflow.planning import load_plan
    from prehep.workflow.storage import snapshot as take

    taken = take(load_plan(configfile or ()), load_plan(), push=push)
    if as_json:
        typer.echo(json.dumps(asdict(taken), indent=2))
    else:
        typer.echo("\n".join(taken.sentences(push=push)))


@app.command()
def restore(
    targets: Annotated[
        list[str] | None, typer.Argument(help="a figure, a folder, the name of a run or a rule, or a stage of dvc.yaml")
    ] = None,
    configfile: ConfigFiles = None,
    as_json: Json = False,
) -> None:
    """Get the results in dvc.lock back: all, or what the targets need. Exits 1 if one came back damaged."""
    import json

    from prehep.workflow.planning import load_plan
    from prehep.workflow.storage import restore as bring_back

    folders = bring_back(load_plan(configfile or ()), targets or ())
    typer.echo(json.dumps(folders, indent=2) if as_json else f"{len(folders)} results are here as they were stored.")


@app.command()
def verify(
    targets: Annotated[
        list[str] | None, typer.Argument(help="rules, runs, folders, files; none: every result that is fresh")
    ] = None,
    configfile: ConfigFiles = None,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="largest difference, absolute or relative; without it files must be identical"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute results again in a scratch folder and compare. Exits 1 if one differs or cannot be verified."""
    import json
    import signal

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from prehep.workflow.planning import load_plan
    from prehep.workflow.verification import verify as recompute

    # a batch system's SIGTERM then removes the scratch folder like Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Console(stderr=True).status("computing results again ..."):
        verdicts = list(recompute(load_plan(configfile or ()), targets or ()))
    if as_json:
        typer.echo(json.dumps([verdict.as_json(tolerance) for verdict in verdicts], indent=2))
    else:
        table = Table("stage", "run", "verified", "how far")
        for verdict in verdicts:
            mark = "[green]yes[/]" if verdict.holds(tolerance) else "[red]no[/]"
            table.add_row(verdict.job.rule, verdict.job.folder.name, mark, escape("\n".join(verdict.lines())))
        Console().print(table)
    raise typer.Exit(0 if all(verdict.holds(tolerance) for verdict in verdicts) else 1)
