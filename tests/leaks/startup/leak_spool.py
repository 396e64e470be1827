"""The file in which processes tell the test what they see: a line for each, which many may write at once."""

from __future__ import annotations

import os


def write(spool: str, kind: str, where: str, content: bytes) -> None:
    """Add a line.

    The file is opened for each: a descriptor that stays open would take the place of a closed standard stream, or
    of one that a test counts. A system that refuses, as it does under limits that tests set, is let be.
    """
    line = ascii((kind, where, content)).encode() + b"\n"
    try:
        descriptor = os.open(spool, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return
    try:
        os.write(descriptor, line)
    except OSError:
        return
    finally:
        os.close(descriptor)
