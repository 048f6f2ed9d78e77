"""The stamp that a figure file carries inside: what it was made from, to be read back wherever it was copied to.

It holds only what the figure depends on, no date and no version, so equal inputs give equal bytes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prehep.core.digests import digest_value
from prehep.core.errors import FormatError
from prehep.core.settings import Settings

SOFTWARE = "prehep"
PNG_FIELD = "Description"
PDF_FIELD = "Subject"
REDRAW = "delete it and run snakemake to draw it again"


class Stamp(Settings):
    """What a figure was made from.

    Attributes:
        figure: name in the registry of figures.
        stage: stage that drew it.
        inputs: folder of each stage whose results it shows, and the digest of what that held.
        digest: sixteen characters that stand for stage, specification, code and inputs together.
    """

    figure: str
    stage: str
    inputs: dict[str, str]
    digest: str

    @property
    def png(self) -> dict[str, str | None]:
        """Return the text chunks of a PNG."""
        return {"Title": self.figure, "Software": SOFTWARE, PNG_FIELD: self.model_dump_json()}

    @property
    def pdf(self) -> dict[str, str | None]:
        """Return the information dictionary of a PDF, which allows only standard keys; None leaves one out."""
        return {
            "Title": self.figure,
            "Creator": SOFTWARE,
            PDF_FIELD: self.model_dump_json(),
            "Producer": None,
            "CreationDate": None,
        }


def make_stamp(
    figure: str, stage: str, *, spec: Mapping[str, Any], code: Mapping[str, str], inputs: Mapping[str, str]
) -> Stamp:
    """Return the stamp of a figure.

    Args:
        figure: name in the registry of figures.
        stage: stage that draws it.
        spec: JSON-ready values that define the figure.
        code: digest of each module that the stage can reach.
        inputs: folder and content digest of each stage whose results are shown.
    """
    known = {"stage": stage, "spec": dict(spec), "code": dict(code), "inputs": dict(inputs)}
    return Stamp(figure=figure, stage=stage, inputs=dict(inputs), digest=digest_value(known)[:16])


def read_stamp(path: Path) -> Stamp:
    """Read the stamp of a PNG or PDF.

    Raises:
        FormatError: the file is absent, is neither PNG nor PDF, or carries no stamp.
    """
    readers = {".png": _png_text, ".pdf": _pdf_text}
    if path.suffix.lower() not in readers:
        raise FormatError(
            f"{path}: expected a figure as .png or .pdf, found {path.suffix or 'no suffix'}; name one of those files."
        )
    if not path.is_file():
        raise FormatError(f"{path}: expected a figure, found no file; check the path, or run snakemake to draw it.")
    text = readers[path.suffix.lower()](path)
    try:
        return Stamp.model_validate_json(text or "")
    except ValidationError as error:
        found = "none" if text is None else "other text"
        raise FormatError(
            f"{path}: expected the stamp of a prehep figure in its metadata, found {found}; "
            "take the file as snakemake drew it, since editors and converters drop metadata."
        ) from error


def _png_text(path: Path) -> str | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            text = image.info.get(PNG_FIELD)
    except UnidentifiedImageError as error:
        raise FormatError(f"{path}: expected a PNG, found other bytes; {REDRAW}.") from error
    return text if isinstance(text, str) else None


def _pdf_text(path: Path) -> str | None:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        information = PdfReader(path).metadata
    except PyPdfError as error:
        raise FormatError(f"{path}: expected a PDF, found other bytes; {REDRAW}.") from error
    return information.subject if information else None
