"""Where a repository keeps its objects: packs and loose files, its own and those it borrows from alternates."""

from __future__ import annotations

import os
import re

from keysweep import git
from keysweep.frozen import frozen

_DEEPEST_ALTERNATE = 5
"""Alternates of alternates that git follows."""
_MOST_ALTERNATES_BYTES = 1 << 20
_DIRECTORY = re.compile(r"[0-9a-f]{2}")


@frozen
class Stores:
    """A repository and its object directories."""

    repository: str
    """Where git is run."""
    directories: tuple[str, ...]
    """Its own first."""
    hash_bytes: int
    """20 for SHA-1, 32 for SHA-256."""


def find_stores(repository: str) -> Stores:
    """Ask git where the objects of `repository` are; raises GitError where there is no repository."""
    answer = git.run(("rev-parse", "--show-object-format", "--git-path", "objects"), repository)
    form, _, path = answer.removesuffix(b"\n").partition(b"\n")
    own = os.path.abspath(os.path.join(repository, os.fsdecode(path)))
    return Stores(repository, tuple(_with_alternates(own)), 32 if form == b"sha256" else 20)


def _with_alternates(own: str) -> list[str]:
    found = [own]
    known = {os.path.realpath(own)}
    level = [own]
    for _ in range(_DEEPEST_ALTERNATE):
        level = [path for directory in level for path in _alternates(directory)]
        for path in level:
            if (real := os.path.realpath(path)) not in known:
                known.add(real)
                found.append(path)
    return found


def _alternates(directory: str) -> list[str]:
    try:
        with open(os.path.join(directory, "info", "alternates"), "rb") as stream:
            lines = stream.read(_MOST_ALTERNATES_BYTES).split(b"\n")
    except OSError:
        return []
    paths = [os.path.join(directory, os.fsdecode(line)) for line in lines if line and not line.startswith(b"#")]
    return [path for path in paths if os.path.isdir(path)]
