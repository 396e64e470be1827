"""Where a report goes: the terminal, or a file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from typing import TextIO, cast

from keysweep.errors import IncompleteError, UsageError


def check_writable(path: str) -> None:
    """Raise UsageError now rather than after a long scan."""
    directory = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        raise UsageError(f"{path} is a directory: give --output the name of a file.")
    if not os.path.isdir(directory):
        raise UsageError(f"{path} cannot be written: there is no directory {directory}; create it first.")
    if not os.access(directory, os.W_OK) or (os.path.exists(path) and not os.access(path, os.W_OK)):
        raise UsageError(f"{path} cannot be written: choose another file or change its permissions.")


def write_report(path: str | None, write: Callable[[TextIO], None]) -> None:
    """Write to standard output, or to `path` through a temporary file beside it that only the user may read.

    A report that cannot be written goes to standard output, so that nothing found is lost, and IncompleteError
    says so.
    """
    if path is None:
        write(sys.stdout)
        sys.stdout.flush()
        return
    directory = os.path.dirname(os.path.abspath(path))
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", dir=directory, prefix=".keysweep-", delete=False
        ) as stream:
            temporary = stream.name
            write(cast(TextIO, stream))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        write(sys.stdout)
        sys.stdout.flush()
        raise IncompleteError(
            f"{path} could not be written ({error.strerror}); the report was printed instead."
        ) from error
