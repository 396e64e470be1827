"""Where a repository keeps its objects: packs and loose files, its own and those it borrows from alternates."""

from __future__ import annotations

import os
import re
from contextlib import suppress

from keysweep import git
from keysweep.frozen import frozen

_DEEPEST_ALTERNATE = 5
"""Alternates of alternates that git follows."""
_MOST_ALTERNATES_BYTES = 1 << 20
_PACKS = "pack"
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


def packs_in(directory: str) -> list[str]:
    """The packs of an object directory that have an index, by their paths."""
    place = os.path.join(directory, _PACKS)
    try:
        names = set(os.listdir(place))
    except OSError:
        return []
    stems = sorted(name.removesuffix(".pack") for name in names if name.endswith(".pack"))
    return [os.path.join(place, f"{stem}.pack") for stem in stems if f"{stem}.idx" in names]


def unlisted_in(directory: str) -> list[str]:
    """What an object directory keeps to itself, in words: objects that `packs_in` and `loose_in` do not list."""
    said = []
    for place in (directory, *(os.path.join(directory, each) for each in _kept_in(directory))):
        try:
            names = set(os.listdir(place))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            said.append(f"{place} cannot be listed: {error.strerror}")
            continue
        stems = sorted(name.removesuffix(".pack") for name in names if name.endswith(".pack"))
        said += [
            f"pack {stem}.pack cannot be read: it has no index; `git index-pack` makes one"
            for stem in stems
            if f"{stem}.idx" not in names
        ]
    return said


def _kept_in(directory: str) -> list[str]:
    try:
        return sorted(each for each in os.listdir(directory) if each == _PACKS or _DIRECTORY.fullmatch(each))
    except OSError:
        return []


def loose_in(directory: str, hash_bytes: int) -> list[str]:
    """The IDs of the loose objects of an object directory."""
    rest = re.compile(rf"[0-9a-f]{{{2 * hash_bytes - 2}}}")
    found = []
    for prefix in (each for each in _kept_in(directory) if each != _PACKS):
        with suppress(OSError):
            names = os.listdir(os.path.join(directory, prefix))
            found += [prefix + name for name in names if rest.fullmatch(name)]
    return found
