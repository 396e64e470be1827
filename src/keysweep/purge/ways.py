"""What `git filter-repo` can do about each object that holds a leak: tried out on its content, not supposed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum

from keysweep import git
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import NAME_HINT
from keysweep.findings import Finding, Origin
from keysweep.frozen import frozen
from keysweep.purge.expressions import is_left_alone, renamed, replaced
from keysweep.purge.stored import stored_in
from keysweep.sources.history.objects.entries import entry_pattern
from keysweep.sources.windows import WINDOW_BYTES, scan_in_memory


class Way(StrEnum):
    """How a copy is taken out; the values are stable names that JSON uses."""

    TEXT = "replace-text"
    MESSAGE = "replace-message"
    NAME = "rename-path"
    STRIP = "strip-blob"
    """The whole version of the file goes, because nothing in it can be replaced."""
    LEFT = "by-hand"
    """None of these reaches it."""


class Stands(StrEnum):
    """Where a copy stands; the values are stable names that JSON uses."""

    FILE = "file"
    COMMIT = "commit-message"
    TAG = "tag-message"
    NAME = "file-name"


@frozen
class Seen:
    """A leak in one object, as it stands there."""

    fingerprint: str
    object_id: str
    stands: Stands
    how: str
    stored: tuple[bytes, ...]
    """What has to be replaced; secret. Empty for an archive."""
    why: str = ""
    """Why nothing in it can be replaced, where that is certain before it is tried."""
    name: str = ""
    """The name of a file or directory that holds it, if one does. Secret."""


@frozen
class Means:
    """How content is looked at."""

    limits: Limits
    options: Options
    hash_bytes: int

    def found_in(self, content: bytes, path: str = "") -> tuple[Finding, ...]:
        """What a scan finds in content, or in the name that stands in `path`."""
        return scan_in_memory(content, Origin(path), self.limits, self.options).findings


def seen_in(name: str, kind: str, content: bytes, leaks: frozenset[str], means: Means) -> list[Seen]:
    """Each of `leaks` that stands in an object; `kind` is git's, or one of `git.MISSING` and `git.TOO_LARGE`."""
    if kind == git.TOO_LARGE:
        why = f"larger than {WINDOW_BYTES >> 20} MiB: nothing in it was tried out"
        return [Seen(each, name, Stands.FILE, "not looked into", (), why) for each in sorted(leaks)]
    if kind == "tree":
        return [
            Seen(each.fingerprint, name, Stands.NAME, "plain", _stored(raw, each), name=os.fsdecode(raw))
            for raw, found in _named(content, means)
            for each in found
            if each.fingerprint in leaks
        ]
    stands = {"commit": Stands.COMMIT, "tag": Stands.TAG}.get(kind, Stands.FILE)
    return [
        _in_content(name, stands, content, each) for each in means.found_in(content) if each.fingerprint in leaks
    ]


def _in_content(name: str, stands: Stands, content: bytes, found: Finding) -> Seen:
    if found.origin.members:
        return Seen(found.fingerprint, name, stands, "in an archive", (), "an archive, whose bytes hold no secret")
    pieces = list(stored_in(content, found))
    stored = tuple(each.content for each in pieces)
    how = ", ".join(dict.fromkeys(each.how for each in pieces)) or "in an archive inside of text"
    if stands is Stands.FILE and is_left_alone(content):
        return Seen(found.fingerprint, name, stands, how, (), "a zero byte near its start makes it a binary file")
    return Seen(found.fingerprint, name, stands, how, stored)


def _stored(raw: bytes, found: Finding) -> tuple[bytes, ...]:
    return tuple(each.content for each in stored_in(raw, found))


def _named(tree: bytes, means: Means) -> Iterator[tuple[bytes, tuple[Finding, ...]]]:
    """The names in a tree that may hold a key, with what is found in each."""
    for raw, _ in entry_pattern(means.hash_bytes).findall(tree):
        path = os.fsdecode(raw)
        if NAME_HINT.search(path):
            yield raw, means.found_in(b"", path)


def left_in(
    kind: str, content: bytes, stored: Sequence[bytes], leaks: frozenset[str], means: Means
) -> frozenset[str]:
    """Which of `leaks` an object still holds after all of `stored`, in order, was replaced in it.

    That is done as `git filter-repo` would do it, and what comes of it is scanned.
    """
    if kind == "tree":
        paths = (os.fsdecode(renamed(raw, stored)) for raw, _ in _named(content, means))
        return frozenset(each.fingerprint for path in paths for each in means.found_in(b"", path)) & leaks
    if kind in ("commit", "tag"):
        head, _, message = content.partition(b"\n\n")
        people = [line for line in head.split(b"\n") if line.startswith(_PEOPLE)]  # all else is written anew
        content = b"\n".join((*people, b"", replaced(message, stored)))
    else:
        content = replaced(content, stored)
    return frozenset(each.fingerprint for each in means.found_in(content)) & leaks


_PEOPLE = (b"author ", b"committer ", b"tagger ")


def way_out(seen: Seen, left: frozenset[str]) -> tuple[Way, str]:
    """How a leak is taken out, and why not by replacing it where that is not how; `left` as `left_in` says it."""
    is_left = seen.fingerprint in left
    if seen.stands is Stands.NAME:
        return (Way.LEFT, "its name is written in a form that cannot be replaced") if is_left else (Way.NAME, "")
    if seen.stands is not Stands.FILE:
        return (Way.LEFT, "it stands in the name or address of a person") if is_left else (Way.MESSAGE, "")
    if seen.why:
        return Way.STRIP, seen.why
    return (Way.STRIP, "it could be read again from what replacing it leaves") if is_left else (Way.TEXT, "")
