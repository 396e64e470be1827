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
    if os.path.isdir(path):
        raise UsageError(f"{path} is a directory: give the name of a file.")
    if not is_device(path):
        _check_directory(path)
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise UsageError(f"{path} cannot be written: choose another file or change its permissions.")


def _check_directory(path: str) -> None:
    try:
        directory = os.path.dirname(os.path.realpath(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): choose another file.") from error
    if not os.path.isdir(directory):
        raise UsageError(f"{path} cannot be written: there is no directory {directory}; create it first.")
    if not os.access(directory, os.W_OK):
        raise UsageError(f"{path} cannot be written: choose another file or change its permissions.")


def write_report(path: str | None, write: Callable[[TextIO], None]) -> None:
    """Write to standard output, or to `path`: a device or a pipe as it is, a file whole or not at all.

    A report that cannot be written goes to standard output, so that nothing found is lost, and IncompleteError
    says so.
    """
    if path is None:
        print_report(write)
        return
    try:
        put_report(path, write)
    except OSError as error:
        print_report(write)
        raise IncompleteError(
            f"{path} could not be written ({error.strerror}); the report was printed instead."
        ) from error


def put_report(path: str, write: Callable[[TextIO], None]) -> None:
    """Write to a device or a pipe as it is, and to a file whole or not at all; OSError where that fails."""
    if is_device(path):
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as stream:
            write(stream)
    else:
        _replace(os.path.realpath(path), write)


def abandon(stream: TextIO) -> None:
    """Keep the interpreter from trying once more, and failing, when it closes `stream`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_report(write: Callable[[TextIO], None]) -> None:
    """Write to standard output; IncompleteError where that fails, unless whoever read it has seen enough."""
    try:
        write(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever read the report has seen enough
    except OSError as error:
        abandon(sys.stdout)
        raise IncompleteError(f"the report could not be written ({error.strerror}): free some room.") from error


def is_device(path: str) -> bool:
    """Whether there is something at `path` that a file must not take the place of."""
    return os.path.exists(path) and not os.path.isfile(path)


def _replace(path: str, write: Callable[[TextIO], None]) -> None:
    """Put the report at `path` through a temporary file beside it that only the user may read."""
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            errors="backslashreplace",
            dir=os.path.dirname(path),
            prefix=".keysweep-",
            delete=False,
        ) as stream:
            temporary = stream.name
            write(cast(TextIO, stream))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too: no half of a report stays behind
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
