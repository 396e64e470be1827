"""Who wrote a commit, when, and how it calls itself; read from the object, not from what git prints of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from keysweep import git
from keysweep.findings import Commit

_MOST_BYTES = 1 << 20
_AUTHOR = re.compile(rb"^author (.*?) ?<([^<>\n]*)> (-?\d{1,12}) [+-]\d{4}$", re.MULTILINE)
_SUBJECT_CHARACTERS = 80


def list_commits(repository: str) -> list[str]:
    """The IDs of all commits in the database, reached by a ref or not."""
    form = "--batch-check=%(objectname) %(objecttype)"
    listing = git.run(("cat-file", "--batch-all-objects", "--unordered", form), repository)
    return [line[:-7].decode("ascii") for line in listing.split(b"\n") if line.endswith(b" commit")]


def shallow_commits(repository: str) -> frozenset[str]:
    """The commits at which a shallow clone was cut off; none where what says so is no file."""
    path = git.run(("rev-parse", "--git-path", "shallow"), repository).removesuffix(b"\n")
    place = os.path.join(os.fsencode(repository), path)
    if not os.path.isfile(place):
        return frozenset()
    with open(place, "rb") as stream:
        return frozenset(stream.read().decode("ascii", "replace").split())


def read_commits(repository: str, ids: Iterable[str]) -> dict[str, Commit]:
    """The commits by their IDs; what cannot be read has only its ID."""
    wanted = sorted(set(ids))
    with git.Objects(repository) as objects:
        contents = objects.read_all(wanted, _MOST_BYTES)
        return {each: _commit(each, content) for each, (_, content) in zip(wanted, contents, strict=True)}


def _commit(name: str, content: bytes) -> Commit:
    header, _, message = content.partition(b"\n\n")
    author = _AUTHOR.search(header)
    subject = message.lstrip(b"\n").partition(b"\n")[0].decode("utf-8", "replace")[:_SUBJECT_CHARACTERS]
    if author is None:
        return Commit(name, subject=subject)
    who, email = (author.group(number).decode("utf-8", "replace") for number in (1, 2))
    return Commit(name, who, email, _date(int(author.group(3))), subject)


def _date(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
