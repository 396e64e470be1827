"""Which trees of a pack name certain objects: those that do so anew, and those that copy it from their base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from keysweep.frozen import frozen
from keysweep.sources.history.objects.decode import trees_of
from keysweep.sources.history.objects.entries import entry_pattern
from keysweep.sources.history.objects.packs import opened

Named = tuple[bytes, int]
"""The name of an entry, and what is known of the object that it names."""
_Hit = tuple[bytes, bytes, bytes, int]
"""What stands in the tree, name, object ID, what is known of the object: a plain tuple, there are many."""


@frozen
class HolderPiece:
    """Some delta trees of tree objects, to be searched."""

    path: str
    hash_bytes: int
    roots: tuple[int, ...]
    """Where to begin."""
    candidates: Mapping[int, tuple[bytes, ...]]
    """Trees that may name an object anew, with the object IDs."""
    known: Mapping[bytes, int]
    """What is known of each of these objects."""
    needed: bytes
    """One byte for each object of the pack: whether it is a candidate or has one below it."""
    walked: bytes
    """Whether it matters that this object, or one below it, names an object."""
    told: bytes
    """Which objects to tell of."""


@frozen
class Holders:
    """Trees that name an object: their numbers, and for each the number of its row in `rows`."""

    numbers: tuple[int, ...]
    kinds: tuple[int, ...]
    rows: tuple[tuple[Named, ...], ...]


def holders(piece: HolderPiece) -> Holders:
    """Search the delta trees of `piece`; runs in a worker."""
    trees = trees_of(piece.path, piece.hash_bytes)
    numbers: list[int] = []
    kinds: list[int] = []
    rows: dict[tuple[Named, ...], int] = {}
    names: set[bytes] = set()

    def judge(number: int, content: bytes, before: tuple[_Hit, ...]) -> tuple[_Hit, ...]:
        hits = _named(content, before, piece.candidates.get(number, ()), piece.known, names)
        if hits and piece.told[number]:
            numbers.append(number)
            kinds.append(rows.setdefault(tuple((name, known) for _, name, _, known in hits), len(rows)))
        return hits

    nothing: tuple[_Hit, ...] = ()
    for root in piece.roots:
        trees.descend(root, judge, nothing, piece.needed, piece.walked)
    opened(piece.path, piece.hash_bytes).forget()
    return Holders(tuple(numbers), tuple(kinds), tuple(rows))


def _named(
    content: bytes,
    before: tuple[_Hit, ...],
    anew: Iterable[bytes],
    known: Mapping[bytes, int],
    names: set[bytes],
) -> tuple[_Hit, ...]:
    """The hits in a tree: of those of its base, and of objects that it may name anew; `names` are likely ones."""
    kept = [hit for hit in before if hit[0] in content]
    moved = {hit[2]: hit[3] for hit in before if hit not in kept} if len(kept) < len(before) else {}
    moved.update((each, known[each]) for each in anew)
    if not moved:
        return before
    for each, what in moved.items():
        for name in _names_of(each, content, names):
            hit = (b" " + name + b"\0" + each, name, each, what)
            if hit not in kept:
                kept.append(hit)
    return tuple(sorted(kept))


def _names_of(each: bytes, content: bytes, likely: set[bytes]) -> list[bytes]:
    """The names under which a tree names an object: most trees are told by a likely one, without reading all."""
    found = []
    at = content.find(each)
    while at >= 0:
        name = next((name for name in likely if _is_entry(content, at, name, len(each))), None)
        if name is None:
            found = [name for name, named in entry_pattern(len(each)).findall(content) if named == each]
            likely.update(found)
            return found
        found.append(name)
        at = content.find(each, at + 1)
    return found


def _is_entry(content: bytes, at: int, name: bytes, hash_bytes: int) -> bool:
    """Whether an entry of this name ends at `at`: behind another one, or at the beginning."""
    end = at - len(name) - 2
    if end < 5 or content[end:at] != b" " + name + b"\0":
        return False
    begin = end - (5 if content[end - 5 : end] == b"40000" else 6)
    return begin == 0 or (begin > hash_bytes and content[begin - hash_bytes - 1] == 0)


def above(marked: NDArray[np.bool_], bases: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The marked objects and everything that they are built on."""
    found = marked.copy()
    going = np.flatnonzero(marked)
    while len(going):
        below = bases[going]
        below = below[below >= 0]
        fresh = np.zeros(len(found), dtype=bool)
        fresh[below] = True
        fresh &= ~found
        found |= fresh
        going = np.flatnonzero(fresh)
    return found
