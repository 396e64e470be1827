"""Pieces of an object database, and what comes of scanning one: values that go to workers and back."""

from __future__ import annotations

from collections.abc import Sequence

from keysweep.findings import Finding, Origin, Problem, Source
from keysweep.frozen import frozen
from keysweep.sources.history.objects.checks import CheckPiece
from keysweep.sources.history.objects.entries import Entries
from keysweep.sources.history.objects.graph import Headers

HEADER_BYTES = 16 << 10
"""More than any commit says of its tree and its parents."""


@frozen
class PackPiece:
    """Some delta trees of a pack, all of one type."""

    path: str
    hash_bytes: int
    kind: int
    """One of `packs.TYPES`."""
    starts: Sequence[int]
    """Objects from which on the delta trees are walked: their roots, or where a large one was cut.

    Tree objects are not walked, they are all here.
    """
    objects: int
    """How many objects these trees have in all."""
    duplicates: frozenset[int] = frozenset()
    """Those of them that another pack has too, where they are scanned."""
    stops: frozenset[int] = frozenset()
    """Where other pieces begin."""
    gathers: bool = False
    """Whether to bring back what trees name and what commits say of themselves."""
    foreign: frozenset[int] = frozenset()
    """Trees that build on one that an earlier sweep has done."""


@frozen
class NamedPiece:
    """Objects that git has to read."""

    repository: str
    names: tuple[str, ...]
    packed: bool
    """Whether there may be deltas among them, which promise more than anybody should put together."""
    gathers: bool = False
    """Whether to bring back trees, and what commits say of themselves."""

    @property
    def objects(self) -> int:
        """How many these are."""
        return len(self.names)


Piece = PackPiece | NamedPiece | CheckPiece


@frozen
class Swept:
    """What came of one piece."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    scanned_objects: int = 0
    scanned_bytes: int = 0
    unread: tuple[str, ...] = ()
    """IDs of objects that could not be decoded here, for git to read."""
    commits: tuple[str, ...] = ()
    """IDs of those that git read and that are commits."""
    headers: Headers | None = None
    entries: tuple[str, Entries] | None = None
    """The path of a pack, and what its trees name."""
    trees: tuple[tuple[bytes, bytes], ...] = ()
    """IDs and contents of trees that git read."""
    interrupted: bool = False
    """Whether this is only what was found until Ctrl-C, in a process without workers."""


def origin_of(name: str, kind: str) -> Origin:
    """Where a finding in an object stands before anybody asked which commits hold it."""
    if kind == "commit":
        return Origin("", Source.COMMIT_MESSAGE, commit=name)
    return Origin("", Source.TAG_MESSAGE if kind == "tag" else Source.HISTORY, blob=name)
