"""The edit matrix: an edit plans the jobs whose results it can change and no other, here and in a fresh clone."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from edits import (
    OVERLAY,
    Change,
    add_code,
    add_line,
    clone,
    configure,
    delete,
    edit,
    edit_code,
    events,
    in_turn,
    reorder_overlay,
    replace_pretraining,
    there_and_back,
    touch,
    tracks,
)
from running import Project
from smoke_jobs import READS, affected, jobs, name_of

REPORT = jobs("build_report smoke")
FEW_LABELS = affected("finetune_sweep *", "train_baseline trees_*")
EVENT_TABLES, TRACK_TABLES = affected("aggregate_study event_pretraining"), affected("aggregate_study tracking_bert")
GUN_TOKENS, GUN_DATA = jobs("tokenize_tracks tracks_gun"), jobs("ingest_tracks tracks_gun")
EDITED_NGRAM, NGRAM = edit_code("evaluation/ngram", "REACH = 3", "REACH = 2 + 1"), affected("train_baseline ngram")
EDITED_LOSS = edit_code("objectives/masked_type", 'loss_masked if self.loss_on == "masked" else loss_all', "loss_all")
MASKED_TYPE = affected("pretrain_model masked_type")
WITHOUT_EVENTS = affected("plot_training_curves *")
SMALL_BERT = {
    "objective": {"name": "mdm", "mask_rate": 0.5},
    "model": {"width": 16, "layers": 1, "heads": 2, "feedforward": 32},
    "training": {"steps": 30, "batch_size": 64, "validation_interval": 15, "learning_rate": 0.01},
}
UNUSED_DATASET = """
source: files
content: events
reader: nanoaod
origin: collisions
files: [{url: "https://example.org/a.root", name: a.root}]
"""

UNTOLD = {
    "nothing": in_turn(),
    "comment": add_line("src/prehep/core/manifest.py", "# a comment"),
    "docstring": edit_code("core/files", "Write a small text file", "Write a text file"),
    "layout": edit_code("core/files", "(path: Path, text: str)", "(\n    path: Path,\n    text: str,\n)"),
    "renamed local variable": edit_code("objectives/masked_type", "predicted", "guessed"),
    "import for type checkers": edit_code(
        "training/trainer", "if TYPE_CHECKING:\n", "if TYPE_CHECKING:\n    from prehep.data import nanoaod\n\n"
    ),
    "description of a setting": edit_code("core/config/training", 'description="probability', 'description="chance'),
    "objective that no run selects": edit_code("objectives/masked_kinematics", "MET = 4", "MET = 5"),
    "figure that no study has": add_code("figures/dimuon_mass"),
    "reader that no dataset needs": add_code("data/certified"),
    "module that nothing imports": add_code("data/new"),
    "new objective": in_turn(
        add_line("src/prehep/objectives/new.py", "from prehep.objectives.mdm import MaskedModules as New"),
        edit_code("objectives/registry", "OBJECTIVES = {", 'OBJECTIVES = {"new": "prehep.objectives.new:New",'),
        edit_code("core/config/studies", 'Literal["mdm"]', 'Literal["mdm", "new"]'),
    ),
    "workflow": add_code("workflow/jobs"),
    "command line": add_code("cli"),
    "reverted code": there_and_back("src/prehep/objectives/mdm.py", "_FRACTION + ", "_FRACTION * "),
    "reverted setting": there_and_back("config/smoke.yaml", "heads: 2", "heads: 4"),
    "device, log level and sample folder": configure(device="cpu", log_level="DEBUG", sample_dir="/elsewhere"),
    "order of keys in the overlay": reorder_overlay,
    "setting of an unused dataset": configure(datasets={"cms_dimuon": {"btag_medium": 0.3}}),
    "unused dataset": add_line("config/datasets/unused.yaml", UNUSED_DATASET),
    "file of an unused dataset": edit("config/datasets/cms_dimuon.yaml", "size: 3", "size: 4"),
    "default that is overridden": edit("config/config.yaml", "steps: 3000", "steps: 4000"),
    "value that is the default": tracks(pretrain={"bert_token": {"objective": {"mask_rate": 0.15}}}),
    "comment in the configuration": add_line("config/smoke.yaml", "# a comment"),
    "comments in rules": in_turn(
        edit("rules/evaluate.smk", "    shell:\n", "# a comment\n    # another\n    shell:\n"),
        edit("rules/figures.smk", "        shell:\n", "    # a comment\n        shell:\n            # another\n"),
        add_line("Snakefile", "# a comment"),
    ),
    "layout of a command": edit("rules/evaluate.smk", ':q} --log {log:q}"', ':q}"\n        " --log {log:q}"'),
    "resources, threads and message of rules": in_turn(
        edit("rules/evaluate.smk", "mem_mb=3000", "mem_mb=4000"),
        edit("rules/evaluate.smk", "Evaluate {wildcards.name}", "Judge {wildcards.name}"),
        edit("rules/publish.smk", "threads: 1", "threads: 2"),
    ),
    "comment in a script": add_line("workflow_scripts/train_baseline.py", "# a comment"),
    "touched results": touch("data/*/*", "tokens/*/*", "runs/*/*/*", "results/smoke/*"),
    "touched upstream": touch("data/shards/*/*"),
    "touched sources": touch("config/**/*", "rules/*", "Snakefile", "workflow_scripts/*", "src/prehep/**/*.py"),
}
"""Edits that no result can tell."""

AFFECTING: dict[str, tuple[Change, set[str]]] = {
    "loss on events": (EDITED_LOSS, MASKED_TYPE),
    "loss on tracks": (
        edit_code("objectives/mdm", "masked, everything = total /", "masked, everything = 2 * total /"),
        affected("pretrain_model bert_*"),
    ),
    "figure style": (edit_code("figures/style", "WIDTH = 7.6", "WIDTH = 7.5"), affected("plot_*")),
    "one figure": (edit_code("figures/mdm_accuracy", "height=2.9", "height=3.1"), affected("plot_mdm_accuracy *")),
    "caption": (edit_code("figures/captions", '"pseudo-data"', '"simulation"'), REPORT),
    "template of the report": (edit_code("figures/report_template", "<!doctype", "<!DOCTYPE"), REPORT),
    "verdict in the report": (edit_code("evaluation/module_verdict", "1.96", "2.58"), REPORT),
    "helper of all stages": (add_code("core/files"), set(READS)),
    "package": (add_code("tokens/__init__"), affected("tokenize_*")),
    "simulated jets": (add_code("data/simulate/jets"), affected("simulate_events *")),
    "simulated hits": (add_code("data/simulate/tracker_hits"), affected("simulate_tracks *")),
    "muon gun": (add_code("data/simulate/muon_gun"), affected("simulate_tracks tracks_gun.000")),
    "event reader": (edit_code("data/nanoaod", "EVENTS = 5_000", "EVENTS = 4_000"), affected("ingest_events *")),
    "Parquet writer": (edit_code("data/parquet", "200_000", "100_000"), affected("ingest_*")),
    "quality of tracks": (add_code("data/track_quality"), affected("check_quality tracks_*")),
    "event selection": (
        edit_code("tokens/event_selection", '"Muon", "Electron"', '"Electron", "Muon"'),
        affected("tokenize_events *"),
    ),
    "track vocabulary": (edit_code("tokens/track_vocabulary", "MM = 0.5", "MM = 0.6"), affected("tokenize_tracks *")),
    "training loop": (edit_code("training/trainer", "INTERVAL = 20", "INTERVAL = 10"), affected("pretrain_model *")),
    "network of all models": (
        edit_code("models/attention", ".min / 2", ".min / 4"),
        affected("pretrain_model *", "finetune_sweep *"),
    ),
    "classification": (
        edit_code("training/event_vectors", "BATCH = 1024", "BATCH = 512"),
        affected("finetune_sweep *"),
    ),
    "loading of encoders": (add_code("stages/pretrained_encoder"), affected("finetune_sweep pretrained")),
    "trees": (edit_code("evaluation/trees", "BINS = 63", "BINS = 31"), affected("train_baseline trees_*")),
    "features of trees": (add_code("evaluation/engineered_features"), affected("train_baseline trees_engineered")),
    "n-gram": (EDITED_NGRAM, NGRAM),
    "evaluation of events": (add_code("stages/event_evaluation"), affected("evaluate_model masked_type")),
    "tables of tracks": (add_code("stages/track_study"), TRACK_TABLES),
    "mask rate": (events(pretrain={"masked_type": {"objective": {"mask_rate": 0.4}}}), MASKED_TYPE),
    "threads of a training": (
        tracks(pretrain={"bert_token": {"training": {"threads": 2}}}),
        affected("pretrain_model bert_token"),
    ),
    "learning rate of one sweep": (
        events(sweeps={"scratch_tuned": {"learning_rates": [0.001, 0.004]}}),
        affected("finetune_sweep scratch_tuned"),
    ),
    "leaves of trees": (events(trees={"trees_flat": {"leaves": [7, 15]}}), affected("train_baseline trees_flat")),
    "cut": (events(tokens={"jet_pt_min": 30.0}), affected("tokenize_events *")),
    "slots": (events(tokens={"slots": ["lepton", "met", "bjet", "light_jet"]}), affected("tokenize_events *")),
    "order of features": (
        events(tokens={"features": ["type", "pt", "eta", "sin_phi", "cos_phi", "mass"]}),
        affected("tokenize_events *"),
    ),
    "other scaling": (events(tokens={"scaling": "none"}), affected("tokenize_events *")),
    "hits of a track": (tracks(tokens={"hits_max": 7}), affected("tokenize_tracks *")),
    "new seed": (events(task={"seeds": [1, 2, 3]}), FEW_LABELS),
    "new label count": (events(task={"n_labels": [16, 24, 32]}), FEW_LABELS),
    "new pretraining": (
        tracks(pretrain={"small": SMALL_BERT}),
        TRACK_TABLES | {"pretrain_model small", "evaluate_model small"},
    ),
    "removed pretraining": (tracks(pretrain={"bert_token": None}), TRACK_TABLES),
    "removed baseline": (tracks(ngram=False), TRACK_TABLES),
    "removed comparison": (events(comparison_data=["signal_2hdm"]), EVENT_TABLES),
    "published value": (events(reference_pretrained=0.8), EVENT_TABLES),
    "title of a dataset": (edit("config/datasets/signal_2hdm.yaml", "title: ", "title: Our "), EVENT_TABLES),
    "events of one dataset": (
        configure(datasets={"signal_2hdm": {"events": 401}}),
        affected("simulate_events signal_2hdm.000"),
    ),
    "another shard of one dataset": (
        configure(datasets={"signal_2hdm": {"shards": 2}}),
        affected("simulate_events signal_2hdm.000") | {"simulate_events signal_2hdm.001"},
    ),
    # the report shows the whole configuration, in this order
    "dataset that is checked already": (configure(extra_datasets=["signal_2hdm"]), REPORT),
    "removed study": (configure(studies=["tracking_bert"]), WITHOUT_EVENTS),
    "setting of a study that is not asked for": (
        configure(studies=["tracking_bert"], event_pretraining={"tokens": {"jet_pt_min": 30.0}}),
        WITHOUT_EVENTS,
    ),
    "other name": (
        configure(name="other"),
        {job.replace(" smoke", " other") for job in jobs("plot_*", "build_report *")},
    ),
    "command of a rule": (
        edit("rules/evaluate.smk", "{SCRIPTS:q}/evaluate_model", "-O {SCRIPTS:q}/evaluate_model"),
        affected("evaluate_model *"),
    ),
    "command of the figures": (edit("rules/figures.smk", "{SCRIPTS:q}", "-O {SCRIPTS:q}"), affected("plot_*")),
    "script": (add_line("workflow_scripts/train_baseline.py"), affected("train_baseline *")),
    "result that was replaced and looks old": (
        replace_pretraining,
        affected("finetune_sweep pretrained", "evaluate_model masked_type"),
    ),
    # its content is known: a report that shows it need not be written again
    "deleted figure": (delete("results/smoke/figures/mdm_accuracy"), jobs("plot_mdm_accuracy *")),
    "deleted report": (delete("results/smoke/*.*"), REPORT),
}
"""Edits and the jobs that they affect."""

UNNEEDED: dict[str, tuple[Change, set[str], set[str]]] = {
    "deleted tokens": (delete("tokens/tracks_gun-*"), set(), GUN_TOKENS),
    "deleted payload": (delete("tokens/tracks_gun-*/tokens.npy"), set(), GUN_TOKENS),
    "deleted data and an edit elsewhere": (in_turn(delete("data/tracks_gun-*"), EDITED_NGRAM), NGRAM, GUN_DATA),
    "deleted tokens that an edit needs": (
        in_turn(delete("tokens/tracks_gun-*"), EDITED_NGRAM),
        NGRAM | GUN_TOKENS,
        set(),
    ),
    "deleted chain that an edit needs": (
        in_turn(delete("tokens/tracks_gun-*", "data/tracks_gun-*", "data/quality/tracks_gun-*"), EDITED_NGRAM),
        NGRAM | GUN_TOKENS | GUN_DATA | jobs("check_quality tracks_gun"),
        set(),
    ),
    "damaged result of an edited stage": (
        in_turn(delete("runs/pretrain_model/masked_type-*/history.csv"), EDITED_LOSS),
        MASKED_TYPE,
        set(),
    ),
    "all but results deleted": (delete("data", "tokens", "runs"), set(), jobs("*") - jobs("plot_*", "build_report *")),
}
"""Deletions and edits, the jobs that they affect, and what is missing though nothing needs it."""

RECORDS: dict[str, tuple[Change, set[str]]] = {
    "deleted logs": (delete("logs", "benchmarks-out"), set()),
    "lost records": (delete(".snakemake"), set()),
    "lost records and export": (delete(".snakemake", "provenance"), set()),
    "lost records, edited loss": (in_turn(delete(".snakemake"), EDITED_LOSS), MASKED_TYPE),
    "lost records and export, edited loss": (in_turn(delete(".snakemake", "provenance"), EDITED_LOSS), MASKED_TYPE),
    "lost records and old result": (
        in_turn(delete(".snakemake", "provenance"), replace_pretraining),
        affected("finetune_sweep pretrained", "evaluate_model masked_type"),
    ),
}
"""Losses of what a clone has not."""

ALL_UNTOLD = in_turn(*UNTOLD.values())
HERE = [
    pytest.param(ALL_UNTOLD, set(), set(), id="all that no result can tell"),
    *(pytest.param(change, planned, set(), id=name) for name, (change, planned) in {**AFFECTING, **RECORDS}.items()),
    *(pytest.param(*scenario, id=name) for name, scenario in UNNEEDED.items()),
    *(pytest.param(change, set(), set(), id=name, marks=pytest.mark.slow) for name, change in UNTOLD.items()),
]
CLONED = [
    pytest.param(ALL_UNTOLD, set(), id="all that no result can tell"),
    *(pytest.param(change, planned, id=name) for name, (change, planned) in AFFECTING.items()),
    *(pytest.param(change, planned, id=name) for name, (change, planned, _) in UNNEEDED.items()),
]


@pytest.fixture(scope="session")
def pulled(smoke_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the finished project as a clone of it would be after `dvc pull`; do not change it."""
    return clone(smoke_run, tmp_path_factory.mktemp("pulled") / "project")


@pytest.mark.parametrize(("change", "planned", "unneeded"), HERE)
def test_exactly_what_an_edit_affects_is_planned(
    project: Project, change: Change, planned: set[str], unneeded: set[str]
) -> None:
    change(project)
    with ThreadPoolExecutor() as pool:
        dry_run = pool.submit(dry_run_of, project)
        status = project.prehep("status", "--json", *(f"--configfile={name}" for name in overlays(project)))
    assert dry_run.result() == planned
    unfinished = {name_of(entry) for entry in json.loads(status.stdout) if entry["state"] != "fresh"}
    assert unfinished == planned | unneeded
    assert status.returncode == bool(unfinished), status.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("change", "planned"), CLONED)
def test_exactly_what_an_edit_affects_is_planned_in_a_clone(
    pulled: Project, tmp_path: Path, change: Change, planned: set[str]
) -> None:
    project = pulled.copy(tmp_path / "project")
    change(project)
    assert dry_run_of(project) == planned


@pytest.mark.parametrize(
    ("arguments", "planned"),
    [
        (("--forcerun", "pretrain_model"), affected("pretrain_model *")),
        (("--forceall",), set(READS)),
        (("--rerun-triggers", "mtime", "params", "code"), set()),
    ],
)
def test_a_user_may_force_jobs_and_other_triggers(
    project: Project, arguments: tuple[str, ...], planned: set[str]
) -> None:
    touch("data/shards/*/*", "tokens/*/manifest.json")(project)
    assert project.planned(*arguments) == planned


def test_a_deleted_input_is_made_if_it_is_asked_for(project: Project) -> None:
    folder = project.find("tokens/tracks_gun-*").relative_to(project.folder)
    delete(str(folder))(project)
    assert project.planned(f"{folder}/manifest.json") == GUN_TOKENS


def dry_run_of(project: Project) -> set[str]:
    """Return what Snakemake would do with the user's overlay, if there is one."""
    return project.planned("--configfile", "config/smoke.yaml", *overlays(project))


def overlays(project: Project) -> list[str]:
    """Return the user's overlay, if there is one."""
    return [OVERLAY] if (project.folder / OVERLAY).exists() else []
