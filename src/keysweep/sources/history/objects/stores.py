"""Where a repository keeps its objects: its own directory, and those it borrows from as alternates."""

from __future__ import annotations

import os
import re
import stat

from keysweep import git
from keysweep.findings import Problem, ProblemCode
from keysweep.frozen import frozen

_DEEPEST_ALTERNATE = 6
"""Alternates of alternates that git follows."""
_MOST_ALTERNATES_BYTES = 1 << 20
_PACKS = "pack"
_ESCAPE = re.compile(rb"\\(?:([0-7]{3})|(.))", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class PackError(Exception):
    """A pack or its index is not what it has to be; the text says what is wrong with it."""


class PackIndexError(PackError):
    """Only the index is not what it has to be."""


@frozen
class Stores:
    """A repository and its object directories."""

    repository: str
    """Where git is run."""
    directories: tuple[str, ...]
    """Its own first."""
    hash_bytes: int
    """20 for SHA-1, 32 for SHA-256."""
    problems: tuple[Problem, ...] = ()
    """Alternates that cannot be followed."""


def find_stores(repository: str) -> Stores:
    """Ask git where the objects of `repository` are; raises GitError where there is no repository."""
    answer = git.run(("rev-parse", "--show-object-format", "--git-path", "objects"), repository)
    form, _, path = answer.removesuffix(b"\n").partition(b"\n")
    own = os.path.abspath(os.path.join(repository, os.fsdecode(path)))
    problems: list[Problem] = []
    directories = _with_alternates(own, problems)
    return Stores(repository, tuple(directories), 32 if form == b"sha256" else 20, tuple(problems))


def _with_alternates(own: str, problems: list[Problem]) -> list[str]:
    found = [own]
    known = {os.path.realpath(own)}
    level = [own]
    for _ in range(_DEEPEST_ALTERNATE):
        level = [path for directory in level for path in _alternates(directory, known, problems)]
        found += level
    return found


def _alternates(directory: str, known: set[str], problems: list[Problem]) -> list[str]:
    """The object directories that one borrows from and that are not among the `known` ones."""
    listing = os.path.join(directory, "info", "alternates")
    try:
        lines = _read(listing).split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        message = f"{listing} cannot be read ({error.strerror}): objects that it leads to were not scanned"
        problems.append(Problem(ProblemCode.UNREADABLE, message))
        return []
    paths = [
        os.path.join(directory, os.fsdecode(_unquoted(line))) for line in lines if line[:1] not in (b"", b"#")
    ]
    fresh: list[str] = []
    lost: list[str] = []
    for path in paths:
        real = os.path.realpath(path)
        if real in known:
            continue
        known.add(real)
        (fresh if os.path.isdir(path) else lost).append(path)
    if lost:
        others = f" and {len(lost) - 1} others are" if len(lost) > 1 else " is"
        message = f"{lost[0]}{others} named by {listing} and cannot be found: objects there were not scanned"
        problems.append(Problem(ProblemCode.UNREADABLE, message))
    return fresh


def _read(path: str) -> bytes:
    """A small file, and not what never ends or never comes. Raises OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(0, "it is no file", path)
    with open(path, "rb") as stream:
        content = stream.read(_MOST_ALTERNATES_BYTES + 1)
    if len(content) > _MOST_ALTERNATES_BYTES:
        raise OSError(0, "it is larger than 1 MiB", path)
    return content


def _unquoted(line: bytes) -> bytes:
    """A line as git means it: where it begins with a double quote, it is written as in C."""
    if line[:1] != b'"' or line[-1:] != b'"' or len(line) < 2:
        return line
    return _ESCAPE.sub(_meant, line[1:-1])


def _meant(escape: re.Match[bytes]) -> bytes:
    octal, letter = escape.groups()
    return bytes([int(octal, 8) & 255]) if octal else _LETTERS.get(letter, letter)


def note_of_shallow(stores: Stores) -> str:
    """The file in which git writes down where a shallow clone is cut off; there may be none."""
    return os.path.join(os.path.dirname(stores.directories[0]), "shallow")


def has_promises(pack: str) -> bool:
    """Whether git has marked a pack as one whose objects may name others that a server promised."""
    return os.path.exists(f"{pack.removesuffix('.pack')}.promisor")


def packs_in(directory: str) -> list[str]:
    """The packs of an object directory that have an index, by their paths."""
    place = os.path.join(directory, _PACKS)
    try:
        names = set(os.listdir(place))
    except OSError:
        return []
    stems = sorted(name.removesuffix(".pack") for name in names if name.endswith(".pack"))
    return [os.path.join(place, f"{stem}.pack") for stem in stems if f"{stem}.idx" in names]
