"""One clear error where an optional generator package is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from prehep.core.errors import MissingGeneratorError


@contextmanager
def generator_package(name: str) -> Iterator[None]:
    """Report an import that fails in the block as one sentence.

    Args:
        name: name of the package on PyPI.

    Raises:
        MissingGeneratorError: the import in the block failed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingGeneratorError(
            f"{name} cannot be imported here ({error}), so the embedded simulation cannot run; install prehep[sim] "
            f"on a platform with wheels of {name}, or use real files with config/sample.yaml or config/paper.yaml."
        ) from error
