"""The stamp of a figure: the same for equal inputs, another for each change, read back from PNG and PDF."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from prehep.core.errors import FormatError
from prehep.core.stamp import Stamp, make_stamp, read_stamp

MADE_FROM: dict[str, Any] = {
    "spec": {"figure": "curve", "title": "α"},
    "code": {"prehep.figures.curve": "0123456789abcdef"},
    "inputs": {"runs/aggregate_study/tracks-12345678": "f" * 64},
}


@pytest.fixture
def stamp() -> Stamp:
    return make_stamp("curve", "plot_curve", **MADE_FROM)


def draw(folder: Path, stamp: Stamp | None) -> tuple[Path, Path]:
    figure = Figure()
    figure.add_subplot().plot([0, 1], [1, 0])
    png, pdf = folder / "curve.png", folder / "curve.pdf"
    figure.savefig(png, metadata=stamp.png if stamp else None)
    figure.savefig(pdf, metadata=stamp.pdf if stamp else {"CreationDate": None})
    return png, pdf


def test_png_and_pdf_give_back_what_was_written(stamp: Stamp, tmp_path: Path) -> None:
    for path in draw(tmp_path, stamp):
        copied = path.rename(tmp_path / f"copied elsewhere{path.suffix.upper()}")
        assert read_stamp(copied) == stamp
    assert stamp.inputs == MADE_FROM["inputs"]


def test_the_same_stamp_gives_the_same_bytes(stamp: Stamp, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first, second = draw(tmp_path, stamp), draw(tmp_path / "again", stamp)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_pixels_do_not_know_the_stamp(stamp: Stamp, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    pixels = [
        Image.open(draw(folder, given)[0]).tobytes() for folder, given in ((tmp_path, stamp), (tmp_path / "bare", None))
    ]
    assert pixels[0] == pixels[1]


@pytest.mark.parametrize("part", ["spec", "code", "inputs"])
def test_every_part_changes_the_digest(part: str, stamp: Stamp) -> None:
    other = make_stamp("curve", "plot_curve", **{**MADE_FROM, part: {**MADE_FROM[part], "more": "0"}})
    assert other.digest != stamp.digest
    assert make_stamp("curve", "plot_line", **MADE_FROM).digest != stamp.digest


def test_a_figure_without_stamp_is_named(tmp_path: Path) -> None:
    for path in draw(tmp_path, None):
        with pytest.raises(
            FormatError, match=rf"{path.name}: expected the stamp of a prehep figure .* found none; take"
        ):
            read_stamp(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("curve.csv", b"x,y\n", r"expected a figure as \.png or \.pdf, found \.csv; name"),
        ("curve.png", None, "expected a figure, found no file; check"),
        ("curve.png", b"nothing", "expected a PNG, found other bytes; delete"),
        ("curve.pdf", b"nothing", "expected a PDF, found other bytes; delete"),
        ("curve.pdf", b"", "expected a PDF, found other bytes; delete"),
    ],
)
def test_what_is_no_figure_is_named(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_stamp(tmp_path / name)


def test_text_of_another_program_is_named(tmp_path: Path) -> None:
    path = tmp_path / "curve.png"
    Figure().savefig(path, metadata={"Description": '{"figure": "curve"}'})
    with pytest.raises(FormatError, match="found other text"):
        read_stamp(path)
