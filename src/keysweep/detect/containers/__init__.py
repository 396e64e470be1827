"""Archives and compressed files opened in memory, with limits; nothing is ever written to disk.

`container_format` runs on every file, so the parsers are imported only when there is something to open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from keysweep.detect.containers.formats import (
    LATE_MARKS,
    container_format,
    may_be_opened,
    which_begin_like_one,
)
from keysweep.detect.containers.model import Budget, Halt, Member
from keysweep.detect.limits import Limits

__all__ = [
    "LATE_MARKS",
    "Budget",
    "Halt",
    "Member",
    "container_format",
    "may_be_opened",
    "open_members",
    "which_begin_like_one",
]


def open_members(content: bytes, kind: str, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    """What a container of `kind` holds, a member at a time, and a `Halt` for everything that was not opened.

    Never raises for what the content is: damage, encryption and limits are halts, and what could be decoded
    before one is a member.
    """
    yield from _opener(kind)(content, limits, budget)


def _opener(kind: str) -> Callable[[bytes, Limits, Budget], Iterator[Member | Halt]]:
    if kind == "zip":
        from keysweep.detect.containers.zips import open_zip

        return open_zip
    if kind == "tar":
        from keysweep.detect.containers.tars import open_tar

        return open_tar
    from keysweep.detect.containers.streams import opener

    return opener(kind)
