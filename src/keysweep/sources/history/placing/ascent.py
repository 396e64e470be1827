"""What commits change, found out from the trees themselves: from what was found upwards to the commits with it.

Asking git means asking about every commit. Here only those trees are put together that hold something: the ones
that name it, the ones that name those, and so on up to the trees of commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from keysweep.frozen import frozen
from keysweep.sources.diffs import Change
from keysweep.sources.history.objects.entries import Entries, among, keys_of
from keysweep.sources.history.objects.gathered import Gathered
from keysweep.sources.history.objects.graph import differing, rows_of, sorted_once
from keysweep.sources.history.objects.packs import TREE, opened
from keysweep.sources.history.placing.holders import HolderPiece, Holders, Named, above

_MOST_MEANT = 500_000
"""Paths and blobs kept, over all that trees were found to hold; beyond, git is asked."""
_PIECES = 16

_Place = tuple[bytes, bytes]
"""A path below a tree, and the blob that stands there."""
_Search = Callable[[Sequence[HolderPiece]], Iterable[tuple[HolderPiece, Holders]]]


class TooMuchError(Exception):
    """So many trees hold so much that the search upwards would cost more than git does."""


def changes_above(gathered: Gathered, blobs: Collection[str], search: _Search) -> list[Change]:
    """Every change of history that brings or takes one of `blobs`.

    `search` does `holders.holders` for pieces, in any order and anywhere. Raises TooMuchError.
    """
    return list(_Ascent(gathered, search).changes({bytes.fromhex(blob) for blob in blobs}))


class _Ascent:
    """One search."""

    def __init__(self, gathered: Gathered, search: _Search) -> None:
        self._gathered = gathered
        self._search = search
        self._masks = dict(_masks(gathered))
        self._meanings: list[frozenset[_Place]] = [frozenset()]
        self._codes: dict[frozenset[_Place], int] = {frozenset(): 0}
        self._meant = 0

    def changes(self, blobs: set[bytes]) -> Iterator[Change]:
        known = {blob: self._code(frozenset({(b"", blob)})) for blob in blobs}
        everything: dict[bytes, int] = {}
        while known:
            for each, code in known.items():
                everything[each] = self._merged(everything.get(each, 0), code)
            known = self._naming(known, last=False)
        return self._told(self._kinds(self._naming(everything, last=True)))

    def _naming(self, known: Mapping[bytes, int], *, last: bool) -> dict[bytes, int]:
        """The trees that name what is `known`, with what they hold by that.

        The trees of commits are told of in the `last` round only, because there are so many of them.
        """
        found: dict[bytes, int] = {}
        hash_bytes = self._gathered.hash_bytes
        ids = np.frombuffer(b"".join(known), dtype=np.uint8).reshape(-1, hash_bytes)
        pieces = [
            piece
            for path, entries in self._gathered.packed.items()
            for piece in _pieces(path, entries, known, ids, self._masks[path][last], hash_bytes)
        ]
        for piece, holders in self._search(pieces):
            names = opened(piece.path, hash_bytes).raw_names()[list(holders.numbers)].tobytes()
            codes = [self._code_of(row) for row in holders.rows]
            for at, kind in enumerate(holders.kinds):
                tree = names[at * hash_bytes : (at + 1) * hash_bytes]
                found[tree] = self._merged(found[tree], codes[kind]) if tree in found else codes[kind]
        for each, code in known.items():
            for tree, name in self._gathered.loose.get(each, ()):
                found[tree] = self._merged(found.get(tree, 0), self._code_of(((name, code),)))
        return found

    def _code_of(self, row: Iterable[Named]) -> int:
        """The code of what a tree holds that has these entries."""
        return self._code(
            frozenset(
                (name + b"/" + path if path else name, blob)
                for name, code in row
                for path, blob in self._meanings[code]
            )
        )

    def _merged(self, one: int, two: int) -> int:
        return one if one == two else self._code(self._meanings[one] | self._meanings[two])

    def _code(self, meaning: frozenset[_Place]) -> int:
        code = self._codes.setdefault(meaning, len(self._meanings))
        if code == len(self._meanings):
            self._meanings.append(meaning)
            self._meant += len(meaning)
            if self._meant > _MOST_MEANT:
                raise TooMuchError
        return code

    def _kinds(self, held: Mapping[bytes, int]) -> NDArray[np.int64]:
        """For each commit the code of what its tree holds."""
        graph = self._gathered.graph
        if not held:
            return np.zeros(len(graph), dtype=np.int64)
        trees = sorted(held)
        names = np.frombuffer(b"".join(trees), dtype=np.uint8).reshape(len(trees), -1)
        rows = rows_of(graph.trees, names)
        codes = np.array([held[tree] for tree in trees], dtype=np.int64)
        return np.where(rows >= 0, codes[rows], 0)

    def _told(self, kinds: NDArray[np.int64]) -> Iterator[Change]:
        graph = self._gathered.graph
        for row, parents in differing(graph, kinds):
            now = dict(self._meanings[kinds[row]])
            befores = [dict(self._meanings[kinds[parent]]) for parent in parents]
            for path in sorted({*now, *(each for before in befores for each in before)}):
                after = now.get(path, b"")
                old = [before.get(path, b"") for before in befores]
                if after not in (old or [b""]):
                    yield Change(
                        graph.name(row),
                        path.decode("utf-8", "surrogateescape"),
                        tuple(each.hex() for each in old),
                        after.hex(),
                    )


def _masks(gathered: Gathered) -> Iterator[tuple[str, tuple[_Mask, _Mask]]]:
    """For each pack, which trees matter in the first rounds, and which in the last.

    A tree of a commit may be a directory of another one's, where histories were merged as subdirectories.
    """
    roots = sorted_once(gathered.graph.trees)
    keys = keys_of(roots)
    below = np.zeros(len(roots), dtype=bool)
    for entries in gathered.packed.values():
        if len(named := np.sort(entries.naming(roots)[1])):
            below |= among(keys, named).any(axis=1)
    if gathered.loose:
        below |= np.array([root.tobytes() in gathered.loose for root in roots], dtype=bool)
    for path in gathered.packed:
        pack = opened(path, gathered.hash_bytes)
        trees = np.flatnonzero(pack.types == TREE)
        rows = rows_of(pack.raw_names()[trees], roots)
        first, last = np.zeros(len(pack), dtype=bool), np.zeros(len(pack), dtype=bool)
        first[trees] = (rows < 0) | below[np.maximum(rows, 0)]
        last[trees] = rows >= 0
        yield path, (_Mask(first, above(first, pack.bases)), _Mask(last, above(last, pack.bases)))


def _pieces(
    path: str,
    entries: Entries,
    known: Mapping[bytes, int],
    ids: NDArray[np.uint8],
    mask: _Mask,
    hash_bytes: int,
) -> Iterator[HolderPiece]:
    """What to search in one pack: the delta trees with a candidate."""
    pack = opened(path, hash_bytes)
    trees, keys = entries.naming(ids)
    within = mask.walked[trees]
    by_key: dict[int, list[bytes]] = defaultdict(list)
    for each, its_keys in zip(known, keys_of(ids).tolist(), strict=True):
        for key in its_keys:
            by_key[key].append(each)
    candidates: dict[int, list[bytes]] = defaultdict(list)
    for tree, key in zip(trees[within].tolist(), keys[within].tolist(), strict=True):
        candidates[tree] += by_key[key]
    if not candidates:
        return
    marked = np.zeros(len(pack), dtype=bool)
    numbers = np.fromiter(candidates, dtype=np.int64)
    marked[numbers] = True
    needed = above(marked, pack.bases).tobytes()
    walked, told = mask.walked.tobytes(), mask.told.tobytes()
    numbers = numbers[np.argsort(pack.roots[numbers], kind="stable")]
    borders = np.flatnonzero(np.diff(pack.roots[numbers])) + 1
    share = -(-len(numbers) // _PIECES)
    cuts = (
        np.unique(
            borders[np.searchsorted(borders, np.arange(share, len(numbers), share)).clip(0, len(borders) - 1)]
        )
        if len(borders)
        else borders
    )
    for some in np.split(numbers, cuts):
        wanted = {number: tuple(dict.fromkeys(candidates[number])) for number in some.tolist()}
        asked = {each: known[each] for ids_of_one in wanted.values() for each in ids_of_one}
        yield HolderPiece(
            path, hash_bytes, tuple(np.unique(pack.roots[some]).tolist()), wanted, asked, needed, walked, told
        )


@frozen
class _Mask:
    """Which objects of a pack to tell of, and which of them have such a one below them in their delta tree."""

    told: NDArray[np.bool_]
    walked: NDArray[np.bool_]
