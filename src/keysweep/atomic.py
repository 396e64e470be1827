"""Files that are there whole or not at all, whatever interrupts their writing."""

from __future__ import annotations

import contextlib
import os


def write(path: str, content: bytes, mode: int | None = None) -> None:
    """Put `content` at `path` in one step, in the place of what is there; OSError where that fails.

    The file has the permissions `mode`, or those of any new file. Ctrl-C too leaves no half of a file behind.
    """
    temporary = beside(path)
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def beside(path: str) -> str:
    """The name that a file has until it is whole: in the same directory, and of this process alone."""
    return f"{path}.{os.getpid()}.new"
