"""Read how events were encoded."""

from pathlib import Path

from prehep.core.manifest import load_payload
from prehep.tokens.event_encoding import EventEncoding

ENCODING = "encoding.json"


def read_encoding(folder: Path) -> EventEncoding:
    """Read how the events of a folder, of tokens or of a model pretrained on events, were encoded.

    Raises:
        CorruptPayloadError: the file is absent or differs from its manifest.
    """
    return EventEncoding.model_validate_json(load_payload(folder, ENCODING).read_text(encoding="utf-8"))
