"""Errors a user may meet: each is one sentence that names the file, what was expected, found, and what to do."""


class PrehepError(Exception):
    """Base of every error that is reported as one line instead of a traceback.

    Attributes:
        exit_code: of the process that reports it.
    """

    exit_code = 1


class ConfigError(PrehepError):
    """The configuration cannot be used."""


class CodeError(PrehepError):
    """The package's own code cannot be used as it is."""


class FetchError(PrehepError):
    """A file could not be downloaded or did not match its size or checksum."""


class FormatError(PrehepError):
    """An input file is not in the expected format."""


class QualityError(PrehepError):
    """Ingested data break a rule that later stages rely on."""


class MissingGeneratorError(PrehepError):
    """The optional event generators are not installed on this platform."""


class CorruptPayloadError(PrehepError):
    """A file of a finished stage differs from its manifest."""


class ExecutionError(PrehepError):
    """Snakemake is running where something else was asked for."""


class TrainingError(PrehepError):
    """A training cannot go on."""


class StoppedError(PrehepError):
    """A training was asked to stop and can be continued; the code is EX_TEMPFAIL of sysexits.h, which means retry."""

    exit_code = 75


class TargetError(PrehepError):
    """No job of the configuration is called as the user says."""


class ExportError(PrehepError):
    """A run cannot be exported."""


class StorageError(PrehepError):
    """DVC cannot store or bring back results."""
