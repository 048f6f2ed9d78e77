"""The command line that every workflow script shares: arguments to a typed Spec, errors to one line."""

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

import psutil
from pydantic import ValidationError

from prehep.core.code import CodeReference
from prehep.core.errors import CodeError, PrehepError
from prehep.core.fingerprint import last_edit, module_digests
from prehep.core.lazy import load
from prehep.core.logging import logger, set_up_logging
from prehep.core.manifest import Manifest
from prehep.core.settings import merge
from prehep.core.specification import StageSpec
from prehep.training.processes import launched_processes

CLOCK_SECONDS = 1.0
"""How far the operating system may be off in telling when a process started."""

S = TypeVar("S", bound=StageSpec)


def main(spec_type: type[S], run: Callable[[S], Manifest], arguments: list[str] | None = None) -> int:
    """Run one stage from the command line; return 0, or another code after one sentence that says what went wrong.

    `--runtime` holds settings that do not define the result (device, log level, sample folder); those that the
    stage's Spec does not know are ignored.
    """
    parser = argparse.ArgumentParser(description=spec_type.__doc__)
    parser.add_argument("--spec", required=True, help="the stage's specification as JSON")
    parser.add_argument("--code", help="fingerprint of the code, entry modules, and digest of the rule's command")
    parser.add_argument("--source", default="{}", help="where a file is fetched from, as JSON")
    parser.add_argument("--runtime", default="{}", help="settings that do not define the result, as JSON")
    parser.add_argument("--cores", type=int, help="processor cores, for a stage that shares its work out")
    parser.add_argument("--log", type=Path, help="log file; standard error where absent")
    given = parser.parse_args(arguments)
    runtime = json.loads(given.runtime) | ({"cores": given.cores} if given.cores else {})
    # the scheduler's SIGTERM then unwinds like an error, and nothing partial is left
    signal.signal(signal.SIGTERM, _stop)
    set_up_logging(_log_file(given.log), runtime.pop("log_level", "INFO"))
    known = {name: value for name, value in runtime.items() if name in spec_type.model_fields}
    try:
        planned = json.loads(given.spec)
        fields = merge(planned, json.loads(given.source))
        about = {"planned": spec_type.defining_part(planned), "code": _code(given.code)}
        spec = spec_type.model_validate({**fields, **about, **known})
        logger.info("resolved specification: %s", spec.model_dump_json(exclude={"code", "planned"}))
        manifest = run(spec)
        logger.info("wrote %d files to %s", len(manifest.payloads), spec.output)
    except PrehepError as error:
        return _fail(str(error), error.exit_code)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        return _fail(f"{spec_type.__module__} cannot use its specification: {found}.")
    except OSError as error:
        where = error.filename or fields.get("output")
        return _fail(f"{where}: {error.strerror or error}; free some space or check the path, and run again.")
    except Exception:
        logger.exception("unexpected error")
        raise
    return 0


def _log_file(path: Path | None) -> Path | None:
    """Return the log of this process, where several share a stage: `x.log` of the first, `x.1.log` of the second."""
    rank = launched_processes(os.environ).rank
    return path if path is None or rank == 0 else path.with_suffix(f".{rank}{path.suffix}")


def _code(text: str | None) -> dict[str, str]:
    """Return the digests of the code that runs, which counts even if it was edited since the job was planned.

    Raises:
        CodeError: the code was edited while it was loaded, so nobody knows what would run.
    """
    if text is None:
        return {}
    reference = CodeReference.parse(text)
    table = reference.table(Path(sys.argv[0]).resolve())
    for module in module_digests(*reference.modules):
        load(module)
    edited, path = last_edit(*reference.modules)
    if edited > psutil.Process().create_time() - CLOCK_SECONDS:
        raise CodeError(f"{path} was edited while this job started; run snakemake again.")
    if not reference.is_current(table):
        logger.warning("the code was edited after this job was planned; its manifest records the code that runs")
    return table


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _fail(sentence: str, code: int = 1) -> int:
    logger.error("%s", sentence, exc_info=logger.isEnabledFor(logging.DEBUG))
    sys.stderr.write(f"prehep: {sentence}\n")
    return code
