"""The report: one file, nothing loaded from elsewhere, verdicts and references beside our numbers."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_inputs import figure_spec, folder_of, study_folders

from prehep.stages import build_report, plot_figure

DRAWN = ("label_efficiency", "mdm_accuracy", "module_distance", "training_curves")
QUALITY = {"dataset": "pseudo_data", "events": 20_000, "duplicate_events": 3, "columns": {"MET_pt": {}}}
CONFIGURATION = {"name": "demo", "datasets": {"a": "https://example.org/file.root"}}


class Page(HTMLParser):
    """Collects text, attributes and unclosed tags of a page."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record links and the open tag."""
        self.links += [(name, value or "") for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that the tag closes the one opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Record text."""
        self.text += data


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    tables, output = study_folders(root), root / "results" / "demo"
    figures = {name: output / "figures" / name for name in DRAWN}
    for name, folder in figures.items():
        plot_figure.run(figure_spec(name, folder, tables))
    quality = {"pseudo_data": folder_of(root / "quality", {"quality.json": QUALITY})}
    for name in ("facts_tracking_bert", "mdm_accuracy", "label_efficiency", "samples_event_pretraining"):
        (output / "tables").mkdir(exist_ok=True)
        (output / "tables" / f"{name}.csv").write_text("")
    spec = build_report.Spec(
        output=output, config_name="demo", figures=figures, tables=tables, quality=quality, configuration=CONFIGURATION
    )
    build_report.run(spec)
    return output


@pytest.fixture(scope="module")
def page(result: Path) -> Page:
    parsed = Page()
    parsed.feed((result / "report.html").read_text(encoding="utf-8"))
    return parsed


def test_only_the_report_and_its_records_lie_in_the_folder(result: Path):
    names = {path.name for path in result.iterdir()}
    assert names == {"report.html", "metrics.json", "manifest.json", "run_info.json", "figures", "tables"}


def test_nothing_is_loaded_from_a_network(result: Path, page: Page):
    sources = [value for name, value in page.links if name == "src"]
    assert len(sources) == len(DRAWN)
    assert all(value.startswith("data:image/png;base64,") for value in sources)
    assert not [value for _, value in page.links if re.match(r"(https?:)?//", value)]
    html = (result / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\(|<script|<link", html)
    assert page.open == []


def test_links_to_points_and_tables_are_relative_and_exist(result: Path, page: Page):
    files = [value for name, value in page.links if name == "href" and not value.startswith("#")]
    assert "figures/label_efficiency/label_efficiency.csv" in files
    assert {"tables/label_efficiency.csv", "tables/facts_tracking_bert.csv"} <= set(files)
    assert all((result / value).is_file() for value in files if value.startswith("figures/"))


def test_anchors_lead_somewhere(result: Path, page: Page):
    html = (result / "report.html").read_text(encoding="utf-8")
    anchors = [value[1:] for name, value in page.links if name == "href" and value.startswith("#")]
    assert anchors
    assert all(f'id="{anchor}"' in html for anchor in anchors)


def test_it_says_where_pretraining_helps_and_where_not(page: Page):
    assert (
        "Against the same network trained long from scratch with a tuned learning rate: pretraining helps" in page.text
    )
    assert "Against the stronger trees" in page.text
    assert "mdm geometry: better than the n-gram on tracks_gun" in page.text
    assert "mdm token: worse than the n-gram" in page.text


def test_reference_values_stand_beside_ours(page: Page):
    assert "0.790" in page.text
    assert "0.696" in page.text
    assert "helix posterior, measured on another sample (gun)" in page.text
    assert "0.963" in page.text
    assert "0.998 (headline)" in page.text


def test_verdicts_say_what_they_rest_on(page: Page):
    assert "95 % interval" in page.text
    assert "12 comparisons were made and are not corrected" in page.text
    assert "this one pretraining" in page.text
    assert "one training per model" in page.text


def test_final_losses_and_tuned_choices_are_listed(page: Page):
    words = " ".join(page.text.split())
    assert "loss on hidden targets loss on all targets event pretraining masked type 2,000 0.693 0.357" in words
    assert "pretrained 64 0.003 400 –" in words


def test_it_says_what_was_simulated_and_how(page: Page):
    assert "These are not CMS data" in page.text
    assert "generic detector" in page.text
    assert "Events of the TrackML challenge" in page.text
    assert "cross section [pb]" in page.text
    assert "duplicate events 3" in page.text


def test_configuration_and_captions_are_there(page: Page):
    assert "https://example.org/file.root" in page.text
    assert "one standard deviation over seeds" in page.text
