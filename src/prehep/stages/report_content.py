"""What the report says: every table and sentence as plain data, ready for the template."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from prehep.evaluation.label_efficiency import MODELS
from prehep.evaluation.label_verdict import verdict
from prehep.evaluation.model_titles import TITLES
from prehep.evaluation.module_verdict import module_verdict
from prehep.figures.references import (
    CEILING,
    PAPER_A_LABELS,
    PAPER_MASKED,
    PAPER_MASKED_WITHIN,
    PAPER_VISIBLE,
    POSITIONS,
    PositionReference,
    ceiling_of,
)
from prehep.stages.report_texts import CLOSURE, INTRODUCTIONS, RULES, SOURCES, STUDY_TITLES

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Row:
    """One row of a table; `reference` marks values that are not ours."""

    values: tuple[str, ...]
    reference: bool = False


@dataclass(frozen=True)
class ReportTable:
    """A table as text.

    Attributes:
        title: heading.
        heads: column headings.
        rows: the cells.
        text: indices of the columns that are aligned left.
        caption: a sentence above the table.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    text: tuple[int, ...] = (0,)
    caption: str = ""


@dataclass
class Section:
    """What the report shows of one study."""

    anchor: str
    title: str
    introduction: str
    rule: str
    verdict: list[str] = field(default_factory=list)
    tables: list[ReportTable] = field(default_factory=list)
    figures: list[dict[str, str]] = field(default_factory=list)
    files: list[dict[str, str]] = field(default_factory=list)


def study_section(study: str, tables: Tables) -> Section:
    """Return sentences and tables of one study.

    Args:
        study: its name.
        tables: payloads of aggregate_study by name.
    """
    facts = facts_of(tables)
    kind = facts.get("kind", "events")
    title = STUDY_TITLES.get(study, study.replace("_", " "))
    introduction = INTRODUCTIONS[kind].format(task=facts.get("task_title", "no task configured"))
    if facts.get("task") == "z_window":
        introduction = f"{introduction} {CLOSURE}"
    section = Section(study.replace("_", "-"), title, introduction, RULES[kind])
    if "label_comparison" in tables:
        section.verdict = verdict(tables["label_comparison"], tables["label_summary"])
        section.tables += [_label_table(tables["label_summary"], facts), _comparison_table(tables["label_comparison"])]
        section.tables.append(_choice_table(tables["tuned_choices"]))
    if _filled(tables, "masked_accuracy"):
        section.tables.append(_masked_table(tables["masked_accuracy"]))
    if _filled(tables, "mdm_accuracy"):
        section.verdict += module_verdict(tables["mdm_accuracy"])
        section.tables.append(_module_table(tables["mdm_accuracy"], _last_steps(tables["training_curves"])))
        section.tables.append(_leak_table(tables["mdm_accuracy"]))
    return section


def facts_of(tables: Tables) -> dict[str, str]:
    """Return the facts table of a study as names and values."""
    table = tables.get("facts")
    return {} if table is None else {str(name): str(value) for name, value in table[["name", "value"]].to_numpy()}


def _filled(tables: Tables, name: str) -> bool:
    return name in tables and not tables[name].empty


def _label_table(summary: pd.DataFrame, facts: Mapping[str, str]) -> ReportTable:
    models = [model for model in MODELS if model in set(summary["model"])]
    values = {(row["model"], row["n_labels"]): row for row in summary.to_dict("records")}
    rows = []
    for n_labels in sorted(summary["n_labels"].unique()):
        cells = [values.get((model, n_labels)) for model in models]
        rows.append(Row((f"{n_labels:,}", *(_mean_spread(cell) for cell in cells))))
    paper = {"pretrained": facts.get("reference_pretrained"), "scratch_published": facts.get("reference_scratch")}
    if any(paper.values()):
        cells_of_paper = tuple(f"{float(value):.3f}" if (value := paper.get(model)) else "" for model in models)
        rows.append(Row((f"{PAPER_A_LABELS:,} (paper A, its own data, one trial)", *cells_of_paper), reference=True))
    return ReportTable(
        "Area under the ROC curve by labelled events per class",
        ("labels per class", *(TITLES[model] for model in models)),
        tuple(rows),
        caption=f"Mean ± standard deviation over {int(summary['n_seeds'].max())} seeds, one test set of "
        f"{facts.get('test_signal', '?')} signal and {facts.get('test_background', '?')} background events.",
    )


def _mean_spread(cell: Mapping[Any, Any] | None) -> str:
    return "" if cell is None else f"{cell['mean']:.3f} ± {cell['std']:.3f}"


def _comparison_table(comparison: pd.DataFrame) -> ReportTable:
    rows = tuple(
        Row(
            (
                TITLES[row["versus"]],
                f"{row['n_labels']:,}",
                f"{row['difference']:+.3f}",
                f"{row['error']:.3f}" if not math.isnan(row["error"]) else "one seed",
                f"{row['test_error']:.3f}",
                f"{row['low']:+.3f} … {row['high']:+.3f}" if not math.isnan(row["low"]) else "",
                str(row["outcome"]),
                f"{row['label_saving']:.1f} ×" if not math.isnan(row["label_saving"]) else "–",
            )
        )
        for row in comparison.to_dict("records")
    )
    return ReportTable(
        "Pretrained minus the others",
        (
            "against", "labels per class", "difference", "error (seeds)", "error (test set)", "95 % interval",
            "outcome", "labels it would need",
        ),
        rows,
        text=(0, 6),
        caption="Last column: how many times as many labels the other model needs for the same mean, by its own "
        "curve; given only where pretraining is better than a tuned model and its mean lies on that curve.",
    )  # fmt: skip


def _choice_table(choices: pd.DataFrame) -> ReportTable:
    rows = tuple(
        Row(
            (
                TITLES[row["model"]],
                f"{row['n_labels']:,}",
                f"{row['learning_rate']:g}",
                f"{row['kept_step']:,.0f}",
                f"{row['last_step']:,.0f}" if not math.isnan(row["last_step"]) else "–",
            )
        )
        for row in choices.to_dict("records")
    )
    return ReportTable(
        "What was tuned",
        ("model", "labels per class", "learning rate", "step kept", "last step"),
        rows,
        caption="Chosen on the validation labels: the learning rate with the first seed, the step with every seed "
        "(mean over seeds; trees: their number). The recipe of the paper chooses nothing.",
    )


def _last_steps(curves: pd.DataFrame) -> dict[str, str]:
    return {str(run): f"{int(step):,}" for run, step in curves.groupby("run")["step"].max().items()}


def _masked_table(accuracy: pd.DataFrame) -> ReportTable:
    keys = ["sample", "model", "target", "class"]
    masked = accuracy[accuracy["input"] == "masked"].set_index(keys)
    visible = accuracy[accuracy["input"] == "visible"].set_index(keys)["accuracy"]
    rows = tuple(
        Row(
            (
                *(str(part).replace("_", " ") for part in key),
                f"{int(values['n']):,}",
                f"{values['accuracy']:.3f}",
                f"{values['majority']:.3f}",
                f"{visible[key]:.3f}" if key in visible.index else "",
            )
        )
        for key, values in zip(masked.index, masked.to_dict("records"), strict=True)
    )
    return ReportTable(
        "Hidden objects: what the pretrained network predicts",
        (
            "sample",
            "model",
            "predicted",
            "object",
            "n",
            "accuracy, hidden",
            "always the commonest",
            "accuracy, visible",
        ),
        rows,
        text=(0, 1, 2, 3),
        caption="Only hidden objects count. A visible object only asks for a copy.",
    )


def _module_table(accuracy: pd.DataFrame, steps: Mapping[str, str]) -> ReportTable:
    masked = accuracy[accuracy["input"] == "masked"]
    rows: list[Row] = []
    for sample, group in masked.groupby("sample", sort=False):
        for model, part in group.groupby("model", sort=False):
            rows.append(_module_row(str(sample), str(model), steps.get(str(model), ""), part))
        if ceiling := ceiling_of(str(sample)):
            rows.append(_reference_row(str(sample), ceiling, ""))
    if not any(ceiling_of(str(sample)) for sample in masked["sample"].unique()):
        rows += [_reference_row("", ceiling, "") for ceiling in CEILING.values()]
    rows.append(_reference_row("TrackML", PAPER_MASKED, f"{PAPER_MASKED_WITHIN[20]:.2f} (read off a plot)"))
    return ReportTable(
        "Masked modules: exact accuracy by position, masked input",
        ("sample", "model", "steps", "probes", *POSITIONS, "within 20 mm"),
        tuple(rows),
        text=(0, 1),
        caption="Three probes per track. Steps are those of the training. Grey rows are not ours: the helix posterior "
        "is about the ceiling for module numbers alone, not a strict bound: it ignores scattering and secondaries, and "
        "was measured on another sample (gun; tt̄ with 200 pile-up; ± 0.02).",
    )


def _module_row(sample: str, model: str, steps: str, part: pd.DataFrame) -> Row:
    by_position = {row["position"]: row for row in part.to_dict("records")}
    exact = (
        f"{by_position[position]['exact_accuracy']:.3f}" if position in by_position else "" for position in POSITIONS
    )
    whole = by_position.get("all", {"n": 0, "within_20mm": math.nan})
    near = f"{whole['within_20mm']:.3f}"
    return Row((sample, model.replace("_", " "), steps, f"{int(whole['n']):,}", *exact, near))


def _reference_row(sample: str, reference: PositionReference, near: str) -> Row:
    exact = (f"{value:.{reference.digits}f}" for value in reference.values)
    return Row((sample, reference.title, "", "", *exact, near), reference=True)


def _leak_table(accuracy: pd.DataFrame) -> ReportTable:
    whole = accuracy[accuracy["position"] == "all"]
    wide = whole.pivot_table(index=["sample", "model"], columns="input", values="exact_accuracy", sort=False)
    rows = [
        Row((str(key[0]), str(key[1]).replace("_", " "), _number(values.get("masked")), _number(values.get("visible"))))
        for key, values in zip(wide.index, wide.to_dict("records"), strict=True)
    ]
    paper = ("TrackML", "paper B", f"{PAPER_MASKED.values[3]:.2f} (notebook)", f"{PAPER_VISIBLE:.3f} (headline)")
    rows.append(Row(paper, reference=True))
    return ReportTable(
        "The leak test: masked against visible input, all positions",
        ("sample", "model", "masked", "visible"),
        tuple(rows),
        text=(0, 1),
        caption="The code behind the headline of paper B leaves the probed module visible; that score is a copy. Its "
        "masked value is track A of model 14.",
    )


def final_losses(studies: Iterable[Tables]) -> ReportTable:
    """Return the losses of every pretraining run at its last step, on hidden targets only and on all of them."""
    curves = pd.concat([tables["training_curves"] for tables in studies], ignore_index=True)
    last = curves.loc[curves.groupby(["study", "run"], sort=False)["step"].idxmax()]
    rows = tuple(
        Row(
            (
                *(str(row[name]).replace("_", " ") for name in ("study", "run")),
                f"{int(row['step']):,}",
                _number(row.get("valid_loss_masked")),
                _number(row.get("valid_loss_all")),
            )
        )
        for row in last.to_dict("records")
    )
    return ReportTable(
        "Final losses on the validation split",
        ("study", "run", "step", "loss on hidden targets", "loss on all targets"),
        rows,
        text=(0, 1),
        caption="In nats per target. A target that stays visible only asks for a copy, which a run that is trained on "
        "hidden targets alone does not learn.",
    )


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def source_sentences(studies: Iterable[Tables]) -> list[str]:
    """Say for every kind of data that a study used who made it and how."""
    found: dict[str, None] = {}
    for tables in studies:
        kind = facts_of(tables).get("kind", "events")
        for origin in tables["samples"]["origin"].unique():
            found[SOURCES.get((kind, str(origin)), f"{kind}: {origin}")] = None
    return list(found)


def data_tables(studies: Iterable[Tables], quality: Mapping[str, Mapping[str, Any]]) -> list[ReportTable]:
    """Return the tables of samples, of the simulated mixture and of the checked datasets."""
    listed = list(studies)
    samples = pd.concat([tables["samples"] for tables in listed], ignore_index=True)
    rows = tuple(
        Row((str(row["sample"]), str(row["title"]), str(row["origin"]).replace("_", " "), f"{int(row['events']):,}"))
        for row in samples.to_dict("records")
    )
    result = [ReportTable("Samples, after selection", ("sample", "title", "made by", "entries"), rows, (0, 1, 2))]
    result += [_mixture_table(tables["mixture"]) for tables in listed if _filled(tables, "mixture")]
    result.append(_quality_table(quality))
    return result


def _mixture_table(mixture: pd.DataFrame) -> ReportTable:
    total = float(mixture["cross_section_pb"].sum())
    rows = tuple(
        Row(
            (
                str(row["process"]).replace("_", " "),
                f"{row['fraction']:.3f}",
                f"{int(row['events']):,}",
                f"{row['cross_section_pb']:.4g}",
                f"{row['cross_section_pb'] / total:.3f}",
                f"{row['weight_pb']:.3g}",
            )
        )
        for row in mixture.to_dict("records")
    )
    return ReportTable(
        "The pseudo-data cocktail",
        ("process", "fraction of events", "events", "cross section [pb]", "fraction by weight", "weight [pb / event]"),
        rows,
        caption="Accepted events in declared fractions; weights restore the accepted leading-order cross sections, "
        "behind trigger and preselection. Distributions are drawn with weights, pretraining uses the events as they "
        "are: a weight tells the process and is never an input. Single top is t- and s-channel only; multi-parton "
        "interactions are off unless configured.",
    )


def _quality_table(quality: Mapping[str, Mapping[str, Any]]) -> ReportTable:
    rows = []
    for name, facts in sorted(quality.items()):
        columns = facts.get("columns", {})
        others = ("dataset", "events", "columns")
        shown = {key: value for key, value in facts.items() if key not in others and value not in ({}, None)}
        text = ", ".join(f"{key.replace('_', ' ')} {_plain(value)}" for key, value in shown.items())
        rows.append(Row((name, f"{int(facts.get('events', 0)):,}", str(len(columns)), text)))
    return ReportTable(
        "Checked datasets",
        ("dataset", "events", "tables or columns", "counts"),
        tuple(rows),
        text=(0, 3),
        caption="No column holds NaN where one is required, no pT is negative, no hit lies on an unknown module.",
    )


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{key} {_plain(item)}" for key, item in value.items()) + ")"
    return f"{value:,}" if isinstance(value, int) else str(value)


def overview(tables: Mapping[str, Tables], figures: Sequence[str]) -> str:
    """Return what ran, in two sentences."""
    studies = ", ".join(STUDY_TITLES.get(study, study).partition(":")[0].lower() for study in tables)
    return (
        f"Studies: {studies}; {len(figures)} figures. Everything on this page was computed by the run that wrote it, "
        "except what is marked as a reference."
    )
