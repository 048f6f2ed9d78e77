"""Read folders of tokens of any kind as what the training loop reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prehep.core.errors import ConfigError
from prehep.core.manifest import read_manifest
from prehep.tokens.batches import TokenData


@dataclass(frozen=True)
class TokenReader:
    """How tokens of one kind are read.

    Attributes:
        tokenizer: payload that says how they were made.
        join: reads folders as one.
    """

    tokenizer: str
    join: Callable[[Sequence[Path]], TokenData]

    def read(self, folders: Sequence[Path]) -> TokenData:
        """Read tokens, joined where there are several folders.

        Raises:
            ConfigError: a folder holds no tokens of this kind.
            FormatError: the folders were tokenised differently.
            CorruptPayloadError: a file differs from its manifest.
        """
        for folder in folders:
            if self.tokenizer not in read_manifest(folder).payloads:
                raise ConfigError(f"{folder} holds no {self.tokenizer}; name folders of tokens of one kind.")
        return self.join(folders)
