"""Every figure: axes with labels and units, the legend entries one expects, and points equal to the CSV."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prehep.core.errors import ConfigError
from prehep.evaluation.model_titles import TITLES
from prehep.figures.captions import CAPTIONS
from prehep.figures.registry import FIGURES, caption, find_figure, load_figure
from prehep.figures.style import Context, source_label, style


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return synthetic.tables()


def drawn(name: str, tables: dict[str, pd.DataFrame], context: Context | None = None) -> tuple[Figure, pd.DataFrame]:
    module, context = load_figure(name), context or Context()
    with style():
        return module.draw(tables, context), module.points(tables, context)


def legend(figure: Figure) -> list[str]:
    found = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    return [text.get_text() for item in found if item is not None for text in item.get_texts()]


def texts(figure: Figure) -> str:
    found = [text.get_text() for axes in figure.axes for text in (*axes.texts, axes.title)]
    found += [item.get_title().get_text() for item in figure.legends]
    return " ".join([*found, figure.get_suptitle()])


def visible(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.axison]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_labels_units_and_says_what_is_simulated(name: str, tables: dict[str, pd.DataFrame]):
    if name == "object_distributions":
        chosen = tables["object_distributions"]["object"].isin(["leading b-jet", "MET"])
        tables = {**tables, "object_distributions": tables["object_distributions"][chosen]}
    figure, points = drawn(name, tables, Context())
    assert len(points)
    assert all(axes.get_ylabel() for axes in visible(figure))
    bottom = [axes for axes in visible(figure) if axes.get_xlabel()]
    assert bottom
    physical = name not in ("label_efficiency", "training_curves", "mdm_accuracy", "input_visibility")
    assert not physical or any("GeV]" in axes.get_xlabel() or "mm]" in axes.get_xlabel() for axes in bottom)
    assert ("CMS Open Data" if name == "dimuon_mass" else "prehep simulation") in texts(figure)
    assert figure.get_figwidth() * 130 <= 1200
    assert name in CAPTIONS


def test_label_efficiency_draws_all_models_and_the_values_of_the_paper(tables: dict[str, pd.DataFrame]):
    context = Context(references={"pretrained": 0.79, "scratch": 0.6963})
    figure, points = drawn("label_efficiency", tables, context)
    entries = legend(figure)
    assert set(TITLES.values()) <= set(entries)
    assert [entry for entry in entries if entry.startswith("paper")] == entries[-2:]
    axes = figure.axes[0]
    pretrained = points[points["model"] == "pretrained"]
    container = next(item for item in axes.containers if item.get_label() == TITLES["pretrained"])
    np.testing.assert_allclose(container[0].get_ydata(orig=False), pretrained["mean"])
    paper = points[points["n_labels"] == 4096].set_index("model")["mean"]
    assert paper.to_dict() == {"paper: pretrained": 0.79, "paper: scratch": 0.6963}


def test_without_references_no_value_of_a_paper_is_drawn(tables: dict[str, pd.DataFrame]):
    figure, points = drawn("label_efficiency", tables)
    assert not any("paper" in entry for entry in legend(figure))
    assert points["n_labels"].max() == 1024


def test_two_models_are_enough(tables: dict[str, pd.DataFrame]):
    summary = tables["label_summary"]
    few = {**tables, "label_summary": summary[summary["model"].isin(["pretrained", "trees_flat"])]}
    assert legend(drawn("label_efficiency", few)[0]) == [TITLES["pretrained"], TITLES["trees_flat"]]


def test_module_accuracy_bars_are_the_points_and_the_ceiling_is_marked(tables: dict[str, pd.DataFrame]):
    figure, points = drawn("mdm_accuracy", tables)
    axes = figure.axes[0]
    bars = next(item for item in axes.containers if item.get_label() == "mdm geometry")
    chosen = points[(points["sample"] == "tracks_gun") & (points["model"] == "mdm_geometry")]
    heights = [bar.get_height() for bar in bars]
    np.testing.assert_allclose(heights, chosen["exact_accuracy"])
    assert "helix posterior on another sample: about the ceiling, not a strict bound" in legend(figure)
    assert "ngram" in legend(figure)
    gun = points[(points["sample"] == "tracks_gun") & (points["model"] == "helix_posterior_other_sample")]
    assert gun["exact_accuracy"].tolist() == [0.963, 0.880, 0.725, 0.856]
    assert "helix_posterior_other_sample" not in set(points.loc[points["sample"] == "trackml", "model"])


def test_distance_curves_are_the_points(tables: dict[str, pd.DataFrame]):
    figure, points = drawn("module_distance", tables)
    line = next(item for item in figure.axes[0].lines if item.get_label() == "ngram")
    chosen = points[(points["sample"] == "tracks_gun") & (points["model"] == "ngram")]
    np.testing.assert_allclose(line.get_ydata(), chosen["cumulative"])
    start = chosen["cumulative"].iloc[0]
    assert chosen["error"].iloc[0] == pytest.approx((start * (1 - start) / (5000 / 3)) ** 0.5)
    stars = next(item for item in figure.axes[0].lines if "masked input, track A" in str(item.get_label()))
    assert list(zip(*stars.get_data(), strict=True)) == [(0, 0.80), (20, 0.87), (100, 0.98)]
    crosses = next(item for item in figure.axes[0].lines if "headline" in str(item.get_label()))
    assert list(zip(*crosses.get_data(), strict=True)) == [(0, 0.998), (20, 1.0)]


def test_leak_test_leaves_out_models_that_never_see_the_token(tables: dict[str, pd.DataFrame]):
    _, points = drawn("input_visibility", tables)
    assert set(points["model"]) == {"mdm_geometry", "mdm_token", "mdm_mixed"}
    assert set(points["input"]) == {"masked", "visible"}
    value, error = points.loc[0, ["exact_accuracy", "error"]]
    assert error == pytest.approx((value * (1 - value) / (5000 / 3)) ** 0.5)


def test_real_muons_have_no_jets_and_are_drawn_all_the_same(tables: dict[str, pd.DataFrame]):
    table = tables["object_distributions"]
    only = {"object_distributions": table[(table["object"] == "leading lepton") & (table["sample"] == "pseudo_data")]}
    figure, _ = drawn("object_distributions", only, Context(origin="collisions"))
    assert legend(figure) == ["pseudo_data"]
    assert "CMS Open Data" in texts(figure)


def test_dimuon_peaks_are_marked_where_there_are_entries(tables: dict[str, pd.DataFrame]):
    figure, points = drawn("dimuon_mass", tables)
    assert "J/\\psi" in texts(figure)
    assert "$Z$" in texts(figure)
    peak = points.loc[points["count"].idxmax()]
    assert peak["low"] < 3.097 < peak["high"] or peak["low"] < 91.2 < peak["high"]
    assert peak["per_gev"] == pytest.approx(peak["count"] / (peak["high"] - peak["low"]))


def test_without_muon_pairs_the_figure_says_so(tables: dict[str, pd.DataFrame]):
    figure, _ = drawn("dimuon_mass", {"dimuon_mass": tables["dimuon_mass"].iloc[:0]})
    assert "no pair of muons" in texts(figure)


def test_training_curves_draw_one_panel_per_run(tables: dict[str, pd.DataFrame]):
    figure, points = drawn("training_curves", tables)
    assert figure.get_suptitle().strip() == "prehep simulation"
    runs = points[["study", "run"]].drop_duplicates()
    assert len(visible(figure)) == len(runs)
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(), points["valid_loss"].iloc[:20])


def test_simulation_is_never_called_cms_alone():
    samples = pd.DataFrame({"sample": ["a", "b"], "origin": ["prehep_simulation", "cms_simulation"]})
    assert source_label(samples, ["a"], Context()) == "prehep simulation"
    assert source_label(samples, ["b"], Context()) == "CMS simulation, public test files"


def test_captions_quote_the_facts_of_the_study():
    facts = {"data_origin": "collisions", "test_signal": "300", "lepton_pt_min": "3", "eta_max": "2.4"}
    assert "the collision data used for pretraining" in caption("object_distributions", facts)
    assert "(300 signal and ? background events)" in caption("label_efficiency", facts)
    assert "pt > 3 GeV and |eta| < 2.4" in caption("dimuon_mass", facts)


def test_registry_is_complete_and_names_what_it_has():
    assert set(FIGURES) == set(CAPTIONS)
    assert all(caption(name, {}) for name in FIGURES)
    with pytest.raises(ConfigError, match="'masses' does not exist; choose one of label_efficiency"):
        find_figure("masses")
