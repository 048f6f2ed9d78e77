"""Reading NanoAOD: known values, gaps, damaged files, steps, certified runs, shipped samples."""

import json
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pytest
import uproot
from nanoaod_examples import branches, write_root

from prehep.core.errors import FormatError
from prehep.data.certified import CertifiedRuns, read_certified_runs
from prehep.data.event_columns import Reader
from prehep.data.identity import entry_identity, event_identity
from prehep.data.nanoaod import PROCESSES, InputFile, read_tables, survey

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
NO_NUMBERS = ("run", "luminosityBlock", "event")


def read(file: InputFile, missing: tuple[str, ...] = (), step: int = 100_000, **options: object) -> pa.Table:
    reader: Reader = options.pop("reader", "nanoaod")  # type: ignore[assignment]
    events, _ = survey([file], "example", reader, missing, **options)  # type: ignore[arg-type]
    return pa.concat_tables([table for table, _ in read_tables(file, events, step)])


def test_values_and_types(tmp_path: Path) -> None:
    table = read(write_root(tmp_path / "a.root", branches()))
    assert table["run"].to_pylist() == [1, 1, 2]
    assert table["event"].type == pa.uint64()
    assert table["weight"].to_pylist() == [1.0, 1.0, 1.0]
    assert table["Muon_charge"].to_pylist() == [[1, -1], [], [1]]
    assert table["Muon_pt"].to_pylist() == [[50.0, 40.0], [], [30.0]]
    assert table["Jet_btag"].to_pylist() == [[0.0, 0.25, 0.5], [], [0.75, 1.0]]
    assert table["MET_phi"].to_pylist() == pytest.approx([0.1, -0.2, 3.0])
    assert "process" not in table.column_names
    numbers = (table[name].to_numpy() for name in NO_NUMBERS)
    assert np.array_equal(table["identity"].to_numpy(), event_identity(*numbers))


@pytest.mark.parametrize("step", [1, 2])
def test_steps_give_the_same_table(tmp_path: Path, step: int) -> None:
    file = write_root(tmp_path / "a.root", branches())
    assert read(file, step=step).combine_chunks().equals(read(file).combine_chunks())


def test_declared_objects_have_no_column(tmp_path: Path) -> None:
    file = write_root(tmp_path / "a.root", branches(Jet=None, Electron=None, MET_pt=None, MET_phi=None))
    table = read(file, ("Jet", "Electron", "MET"))
    assert {name.split("_")[0] for name in table.column_names} == {
        "run", "luminosityBlock", "event", "identity", "weight", "Muon",
    }  # fmt: skip


def test_without_event_numbers_identity_comes_from_file_and_entry(tmp_path: Path) -> None:
    file = write_root(tmp_path / "a.root", branches(run=None, luminosityBlock=None, event=None))
    for step in (100, 1):
        table = read(file, NO_NUMBERS, step)
        assert table["run"].to_pylist() == [-1, -1, -1]
        assert table["event"].to_pylist() == [0, 1, 2]
        assert np.array_equal(table["identity"].to_numpy(), entry_identity(file.digest, np.arange(3)))


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"Jet": None}, r"add \['Jet'\] to `missing` of dataset example \(config/datasets/example\.yaml\)"),
        ({"MET_phi": None}, r"no branch MET_phi;.*\['MET_phi'\]"),
        ({"luminosityBlock": None}, r"no branch luminosityBlock;.*\['luminosityBlock'\]"),
    ],
)
def test_undeclared_gap_names_file_branch_and_remedy(tmp_path: Path, changes: dict[str, None], advice: str) -> None:
    file = write_root(tmp_path / "a.root", branches(**changes))
    with pytest.raises(FormatError, match=rf"^a\.root has .*{advice}"):
        read(file)


def test_simulation_without_weights_is_refused(tmp_path: Path) -> None:
    particles = ak.zip({"pt": ak.unflatten(np.ones(3, np.float32), [1, 1, 1])})
    file = write_root(tmp_path / "a.root", branches(GenPart=particles))
    with pytest.raises(FormatError, match=r"\['genWeight'\]"):
        read(file)
    assert read(file, ("genWeight",))["weight"].to_pylist() == [1, 1, 1]


def test_weights_and_labels(tmp_path: Path) -> None:
    labels = np.array([0, 7, 2], np.int32)
    weights = np.array([0.5, -1.5, 2.0], np.float32)
    table = read(write_root(tmp_path / "a.root", branches(Generator_process=labels, genWeight=weights)))
    assert table["process"].to_pylist() == [PROCESSES[0], PROCESSES[7], PROCESSES[2]]
    assert table["weight"].to_pylist() == [0.5, -1.5, 2.0]


def test_unfilled_btag_branch_is_passed_over(tmp_path: Path) -> None:
    jets = branches()["Jet"]
    old = ak.zip(
        {
            **{field: jets[field] for field in ("pt", "eta", "phi", "mass")},
            "btagDeepFlavB": ak.full_like(jets.pt, -3000),
            "btagCSVV2": jets.btagDeepFlavB,
        }
    )
    file = write_root(tmp_path / "a.root", branches(Jet=old))
    events, _ = survey([file], "example", "nanoaod", ())
    assert (events.btag_branch, events.btag_medium) == ("Jet_btagCSVV2", 0.8484)
    events, _ = survey([file], "example", "nanoaod", (), "Jet_btagDeepFlavB", 0.3)
    assert (events.btag_branch, events.btag_medium) == ("Jet_btagDeepFlavB", 0.3)


def test_unequal_object_counts_are_refused(tmp_path: Path) -> None:
    tree = branches(Muon=None)
    for field, counts in (("pt", [1, 1, 1]), ("eta", [1, 1, 1]), ("phi", [1, 1, 1]), ("mass", [2, 1, 0])):
        tree[f"Muon_{field}"] = ak.unflatten(np.ones(3, np.float32), counts)
    tree["Muon_charge"] = ak.unflatten(np.ones(3, np.int32), [1, 1, 1])
    with pytest.raises(FormatError, match=r"a\.root: Muon_mass and Muon_\w+ differ in the number"):
        read(write_root(tmp_path / "a.root", tree))


def test_files_that_are_no_events(tmp_path: Path) -> None:
    other = write_root(tmp_path / "other.root", branches(), "Runs")
    with pytest.raises(FormatError, match=r"other\.root has no tree Events, only Runs"):
        read(other)
    with uproot.recreate(tmp_path / "empty.root") as root:
        root.mktree("Events", {"run": np.uint32})
    with pytest.raises(FormatError, match=r"empty\.root has 0 events"):
        read(InputFile(tmp_path / "empty.root", "empty.root", "00" * 32))
    text = tmp_path / "page.root"
    text.write_text("<html>" * 100)
    with pytest.raises(FormatError, match=r"page\.root cannot be read as a ROOT file"):
        read(InputFile(text, text.name, "00" * 32))


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_truncated_file_is_one_line(tmp_path: Path, kept: float) -> None:
    file = write_root(tmp_path / "a.root", branches())
    content = file.path.read_bytes()
    file.path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FormatError, match=r"^a\.root ") as caught:
        read(file)
    assert "\n" not in str(caught.value)


def test_certified_runs(tmp_path: Path) -> None:
    runs = CertifiedRuns({1: [(5, 5), (7, 9)], 3: [(1, 2)]})
    run = np.array([1, 1, 1, 1, 1, 2, 3, 3, 0])
    lumi = np.array([4, 5, 6, 9, 10, 5, 1, 3, 5])
    assert runs.contains(run, lumi).tolist() == [False, True, False, True, False, False, True, False, False]
    file = write_root(tmp_path / "a.root", branches())
    events, _ = survey([file], "example", "nanoaod", ())
    (table, read_events), = read_tables(file, events, certified=runs)  # fmt: skip
    assert (table["event"].to_pylist(), read_events) == ([10, 11], 3)
    (tmp_path / "bad.txt").write_text(json.dumps([1, 2]))
    with pytest.raises(FormatError, match=r"bad\.txt is no list of validated runs"):
        read_certified_runs(tmp_path / "bad.txt")


@needs_shared
def test_shipped_list_of_certified_runs() -> None:
    runs = read_certified_runs(next((SHARED / "cms").glob("Cert_*")))
    found = runs.contains(np.array([273150, 273150, 273150, 273158]), np.array([63, 64, 75, 1283]))
    assert found.tolist() == [False, True, True, True]


@needs_shared
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nano_dy_empty.root", "has 0 events"),
        ("missing_luminosityBlock.root", "has no branch luminosityBlock"),
        ("Cert_271036-284044_13TeV_Legacy2016_Collisions16_JSON_MuonPhys.txt", "cannot be read as a ROOT file"),
    ],
)
def test_shipped_edge_cases(name: str, words: str) -> None:
    with pytest.raises(FormatError, match=rf"^{name.replace('.', '[.]')} {words}"):
        read(InputFile(SHARED / "cms" / name, name, "00" * 32))


@needs_shared
def test_shipped_collisions_show_the_z_peak() -> None:
    import vector

    name = "agc_open-data-example_Run2012BC_DoubleMuParked_100k.root"
    missing = (*NO_NUMBERS, "Electron", "Jet", "MET")
    table = read(InputFile(SHARED / "cms" / name, name, "00" * 32), missing, reader="nanoaod_2012")
    assert table.num_rows == 100_000
    columns = {part: ak.from_arrow(table[f"Muon_{part}"]) for part in ("pt", "eta", "phi", "mass", "charge")}
    pair = (ak.num(columns["pt"]) == 2) & (ak.sum(columns["charge"], axis=1) == 0)
    muons = vector.zip({part: columns[part][pair] for part in ("pt", "eta", "phi", "mass")})
    mass = ak.to_numpy((muons[:, 0] + muons[:, 1]).mass)
    counts, edges = np.histogram(mass[(mass > 70) & (mass < 110)], bins=40)
    assert edges[counts.argmax()] == pytest.approx(90.5, abs=1.5)
