"""Files with secrets in them, which the user asked for: for nobody else, in no work tree, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping

from keysweep.errors import IncompleteError, UsageError


def check_private(path: str, work_trees: tuple[str, ...] = ()) -> None:
    """Raise UsageError where a file must not lie: where one is, or where git would take it into a commit."""
    directory = os.path.dirname(os.path.realpath(os.path.dirname(path) or ".") + os.sep)
    if not os.path.isdir(directory):
        raise UsageError(f"{path} cannot be written: there is no directory {directory}; create it first.")
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already: give a new name, so that nothing is overwritten or followed.")
    tree = _work_tree_around(directory, work_trees)
    if tree:
        raise UsageError(
            f"{path} would lie in {tree}, where git could take it into a commit: choose a directory outside of "
            "any repository, because the file holds secrets."
        )


def _work_tree_around(directory: str, known: tuple[str, ...]) -> str | None:
    """The work tree or repository that a directory is in, whether or not git likes it."""
    for each in known:
        real = os.path.realpath(each)
        if directory == real or directory.startswith(os.path.join(real, "")):
            return real
    while True:
        if os.path.lexists(os.path.join(directory, ".git")):
            return directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def write_private(files: Mapping[str, bytes]) -> None:
    """Write each file for this user alone, all or none; never over one that is there, nor through a link.

    Raises IncompleteError where that fails; nothing of them is left behind then.
    """
    made: list[str] = []
    try:
        for path, content in files.items():
            _write(path, content)
            made.append(path)
    except BaseException as error:
        for path in made:
            with contextlib.suppress(OSError):
                os.unlink(path)
        if isinstance(error, OSError):
            raise IncompleteError(
                f"{path} could not be written ({error.strerror}), and nothing of it is left: choose another place."
            ) from error
        raise


def _write(path: str, content: bytes) -> None:
    """Under another name first, because a file that is cut short would leave secrets in a history."""
    descriptor, temporary = tempfile.mkstemp(
        prefix=".keysweep-", dir=os.path.dirname(os.path.abspath(path))
    )  # 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path, follow_symlinks=False)  # unlike a rename it fails where there is something
    finally:
        os.unlink(temporary)
