"""Read folders of tokens, of events or of tracks, as what the training loop reads."""

from collections.abc import Sequence
from pathlib import Path

from prehep.core.errors import ConfigError
from prehep.core.manifest import read_manifest
from prehep.stages.event_tokens import ENCODING, read_event_data
from prehep.stages.track_tokens import VOCABULARY, read_track_data
from prehep.tokens.event_data import EventData
from prehep.tokens.track_data import TrackData


def tokenizer_file(folder: Path) -> str:
    """Return the name of the file in a folder of tokens that says how they were made.

    Raises:
        ConfigError: the folder was not made by tokenize_events or tokenize_tracks.
    """
    payloads = read_manifest(folder).payloads
    for name in (ENCODING, VOCABULARY):
        if name in payloads:
            return name
    raise ConfigError(f"{folder} holds no {ENCODING} or {VOCABULARY}; name folders of tokens.")


def read_token_data(folders: Sequence[Path]) -> EventData | TrackData:
    """Read tokens, joined where there are several folders.

    Raises:
        ConfigError: folders of events and of tracks are mixed.
        FormatError: the folders were tokenised differently.
        CorruptPayloadError: a file differs from its manifest.
    """
    kinds = {tokenizer_file(folder) for folder in folders}
    names = [folder.as_posix() for folder in folders]
    if len(kinds) > 1:
        raise ConfigError(f"{', '.join(names)} mix events and tracks; name folders of one kind.")
    if kinds == {ENCODING}:
        return EventData.join([read_event_data(folder) for folder in folders], names)
    return TrackData.join([read_track_data(folder) for folder in folders], names)
