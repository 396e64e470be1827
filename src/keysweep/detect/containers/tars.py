"""tar archives of every dialect, truncated and concatenated ones included."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from keysweep.detect.containers.model import Budget, Halt, Member, damaged, too_large
from keysweep.detect.limits import Limits

_HEADER_BYTES = 512


def open_tar(content: bytes, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    """The regular files of a tar; links have no content of their own, devices none at all."""
    if _is_of_an_empty_commit(content):
        return
    try:
        stream = io.BytesIO(content)
        with tarfile.open(fileobj=stream, mode="r:", ignore_zeros=True, errors="surrogateescape") as archive:
            yield from _members(archive, content, limits, budget)
    except (tarfile.TarError, ValueError, OSError, EOFError, RecursionError, OverflowError) as error:
        yield damaged(error)


def _is_of_an_empty_commit(content: bytes) -> bool:
    """A lone global header, as `git archive` writes for a tree without files, which tarfile calls truncated."""
    digits = content[124:136].strip(b"\0 ")
    if content[156:157] != tarfile.XGLTYPE or not digits.isdigit():
        return False
    size = int(digits, 8) if not digits.strip(b"01234567") else 0
    end = _HEADER_BYTES + size + -size % _HEADER_BYTES
    return end <= len(content) and not content[end:].strip(b"\0")


def _members(archive: tarfile.TarFile, content: bytes, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    end = 0
    while (entry := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every header it has seen
        end = entry.offset_data
        if not entry.isfile():
            continue
        if halt := budget.exhausted(limits):
            yield halt
            return
        room = budget.room(limits, entry.size)
        stream = archive.extractfile(entry)
        if stream is None:
            continue
        try:
            text = stream.read(min(room, entry.size))
        except (tarfile.TarError, OSError, ValueError) as error:
            text = content[entry.offset_data : entry.offset_data + room]
            yield damaged(error, entry.name)
        budget.spend(len(text))
        end = max(end, entry.offset_data + entry.size)
        yield Member(entry.name, text, "tar")
        if entry.size > room:
            yield too_large(room, entry.name)
    if len(content) < end:
        yield damaged("ends early")
    elif content[end : end + _HEADER_BYTES * 2].strip(b"\0") and len(content) - end > _HEADER_BYTES:
        rest = content[end + -end % _HEADER_BYTES :]
        if rest.strip(b"\0"):
            yield damaged("a header cannot be read")
