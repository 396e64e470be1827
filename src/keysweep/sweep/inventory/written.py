"""Repositories as somebody lists them: an address or a path on each line of a file or of standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from keysweep.errors import InventoryError, UsageError
from keysweep.repositories import Listed
from keysweep.sources.history.opening.addresses import address, is_address
from keysweep.sources.history.opening.source import local_path
from keysweep.sweep.inventory.directory import repository
from keysweep.sweep.inventory.pages import OnProblem

_MOST_BYTES = 64 << 20
_COMMENT = "#"


def listed(path: str | None, on_problem: OnProblem) -> Iterator[Listed]:
    """The repositories that the file at `path` names, or standard input without one, in their order.

    Paths lead on from the directory of the file, or from here. A path at which there is nothing is told of.
    Raises UsageError for a line that names nothing which could be cloned, before anything is listed.
    """
    name, around = (path, os.path.dirname(path)) if path is not None else ("standard input", "")
    entries = list(_entries(_content(path, name), name))
    for line, entry in entries:
        if is_address(entry) and not entry.startswith("file:///"):
            made = Listed(_identity(entry), entry.partition("://")[2] or entry, entry)
        else:
            local = os.path.abspath(os.path.join(around, local_path(entry)))
            if not os.path.exists(local):
                on_problem(f"{name}, line {line}: there is nothing at {local}")
                continue
            made = repository(local, entry)
        yield made


def _entries(content: bytes, name: str) -> Iterator[tuple[int, str]]:
    """Numbers and content of lines that hold something; raises UsageError for one that cannot be meant."""
    for number, raw in enumerate(content.splitlines(), 1):
        try:
            line = raw.decode("utf-8").strip()
            if not line or line.startswith(_COMMENT):
                continue
            _check(line)
        except UnicodeDecodeError as error:
            raise UsageError(f"{name}, line {number}: it is not UTF-8.") from error
        except UsageError as error:
            raise UsageError(f"{name}, line {number}: {error}") from error
        yield number, line


def _check(line: str) -> None:
    if not line.isprintable():
        raise UsageError("it holds control characters.")
    if is_address(line) and not line.startswith("file:///"):
        address(line)


def _identity(entry: str) -> str:
    """The same for the ways in which people write one address."""
    protocol, colon, rest = entry.partition("://")
    host, slash, path = rest.partition("/")
    whole = f"{protocol.lower()}{colon}{host.lower()}{slash}{path}" if colon else entry
    return whole.rstrip("/").removesuffix(".git")


def _content(path: str | None, name: str) -> bytes:
    try:
        if path is None:
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with open(path, "rb") as stream:
                content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InventoryError(f"{name} cannot be read ({error.strerror}): check it, and start again.") from error
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{name} is larger than {_MOST_BYTES >> 20} MiB, which is no list of repositories.")
    return content.removeprefix(b"\xef\xbb\xbf")
