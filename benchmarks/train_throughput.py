"""Useful tokens per CPU-second of prehep's training beside HuggingFace's BERT, and how equal the losses are.

One process for each shape, one thread. In every round the same batch is trained by HuggingFace (float32, padded), by
prehep in float32 and by prehep in bfloat16, all from the same random weights; a ratio is the median over the rounds of
the ratios of CPU times. `pip install 'prehep[benchmark]'`, then `python benchmarks/train_throughput.py --json`.
"""

import argparse
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from throughput_cases import CASES, Case, HuggingFace, Ours, Synthetic, make_objective
from throughput_studies import convergence, memory, tricks

from prehep.core.versions import installed_versions

PRECISIONS = ("float32", "bfloat16")
WARM_UP = 2
COMPARED_STEPS = 20
QUICK_STEPS, QUICK_BATCH = 3, 8

Found = dict[str, dict[str, Any]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON; the machine goes to the error stream")
    parser.add_argument("--quick", action="store_true", help="few steps of small batches: shows that all of it runs")
    parser.add_argument("--steps", type=int, default=WARM_UP + COMPARED_STEPS, help="rounds, the first two to warm up")
    parser.add_argument("--only", choices=CASES, nargs="+", default=list(CASES), help="shapes to measure")
    studies = parser.add_mutually_exclusive_group()
    studies.add_argument("--tricks", action="store_true", help="instead: what each trick gains, one after the other")
    studies.add_argument("--memory", action="store_true", help="instead: peak memory of TrackingBERT at batch 1,024")
    studies.add_argument("--convergence", action="store_true", help="instead: a full training in both precisions")
    given = parser.parse_args()
    if importlib.util.find_spec("transformers") is None:
        raise SystemExit(
            "transformers, which prehep is compared with, is not installed; pip install 'prehep[benchmark]'."
        )
    torch.set_num_threads(1)
    Console(stderr=True).print(machine())
    steps = QUICK_STEPS if given.quick else given.steps
    cases = {name: CASES[name]._replace(batch_size=QUICK_BATCH) if given.quick else CASES[name] for name in given.only}
    found: Found
    if given.tricks:
        found = {f"{name}: {trick}": row for name, case in cases.items() for trick, row in tricks(case, steps).items()}
    elif given.memory:
        found = memory()
    elif given.convergence:
        found = {name: convergence(case, QUICK_STEPS if given.quick else None) for name, case in cases.items()}
    elif len(cases) > 1:
        found = {name: measure_alone(name, steps, quick=given.quick) for name in cases}
    else:
        found = {name: measure(case, steps) for name, case in cases.items()}
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        Console(width=200).print(table(found))


def measure_alone(name: str, steps: int, *, quick: bool) -> dict[str, Any]:
    """Return what `measure` finds in a process of its own, as a training is one.

    What one shape leaves in the allocator would slow the others down, by up to a third.

    Args:
        name: of the shape.
        steps: number of rounds.
        quick: small batches.
    """
    options = ["--json", "--only", name, "--steps", str(steps), *(["--quick"] if quick else [])]
    done = subprocess.run([sys.executable, __file__, *options], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)[name]
    return found


def measure(case: Case, steps: int) -> dict[str, Any]:
    """Return the ratio of the better precision, the largest difference of the losses, and useful tokens per CPU-second.

    Args:
        case: shape to measure.
        steps: number of rounds.
    """
    data = Synthetic(case)
    objective = make_objective(case, data)
    theirs = HuggingFace(objective)
    ours = {precision: Ours(case, data, objective, precision) for precision in PRECISIONS}
    costs: dict[str, list[float]] = {name: [] for name in ("huggingface", *PRECISIONS)}
    differences = []
    for step in range(steps):
        batch = ours["float32"].next_batch()
        tokens = int(batch["lengths"].sum())
        cost, expected = theirs.step(batch)
        costs["huggingface"].append(cost / tokens)
        for precision, mine in ours.items():
            cost, loss = mine.step()
            costs[precision].append(cost / tokens)
            if precision == "float32" and step < COMPARED_STEPS:
                differences.append(abs(loss - expected))
    kept = {name: values[min(WARM_UP, steps - 1) :] for name, values in costs.items()}
    ratios = {
        name: statistics.median(a / b for a, b in zip(kept["huggingface"], kept[name], strict=True))
        for name in PRECISIONS
    }
    best = max(PRECISIONS, key=ratios.__getitem__)
    return {
        "ratio": round(ratios[best], 2),
        "precision": best,
        "loss_difference": max(differences),
        **{f"ratio_{name}": round(ratio, 2) for name, ratio in ratios.items()},
        **{f"tokens_per_second_{name}": round(1 / statistics.median(values)) for name, values in kept.items()},
    }


def machine() -> str:
    """Return what the numbers depend on."""
    versions = installed_versions(("prehep", "torch", "transformers", "numpy"))
    processor = torch.backends.cpu.get_cpu_capability()
    listed = " ".join(f"{name} {version}" for name, version in versions.items())
    return f"{platform.platform()}, {processor}, 1 thread, Python {platform.python_version()}, {listed}"


def table(found: Found) -> Table:
    """Return the rows as a table."""
    columns = list(dict.fromkeys(column for row in found.values() for column in row))
    shown = Table("", *columns)
    for name, row in found.items():
        values = (row.get(column, "") for column in columns)
        shown.add_row(name, *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values))
    return shown


if __name__ == "__main__":
    main()
