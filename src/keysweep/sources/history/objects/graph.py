"""The commits of a repository in arrays: which tree each has, and which commits it builds on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from keysweep.frozen import frozen
from keysweep.sources.history.objects.packs import whole_names

_Int64 = NDArray[np.int64]


@frozen
class Headers:
    """What commits say of themselves: object IDs as rows of bytes."""

    commits: NDArray[np.uint8]
    trees: NDArray[np.uint8]
    parents: NDArray[np.uint8]
    """Those of all commits, one after the other."""
    counts: _Int64
    """How many parents each commit has."""


@frozen
class Graph:
    """All commits, each once."""

    commits: NDArray[np.uint8]
    """Object IDs, sorted."""
    trees: NDArray[np.uint8]
    parents: _Int64
    """Rows of the parents of all commits, one after the other; -1 where a parent is not here."""
    first: _Int64
    """Where the parents of each commit begin; one more at the end."""

    def __len__(self) -> int:
        return len(self.commits)

    def name(self, row: int) -> str:
        """The ID of a commit."""
        name: bytes = self.commits[row].tobytes()
        return name.hex()

    def parents_of(self, row: int) -> list[int]:
        """Rows of those parents of a commit that are here."""
        found: list[int] = self.parents[self.first[row] : self.first[row + 1]].tolist()
        return [each for each in found if each >= 0]


def headers(names: Sequence[bytes], contents: Sequence[bytes]) -> Headers:
    """Read commit objects, given with their IDs; a commit that git would not read has no tree and no parents."""
    size = len(names[0]) if names else 20
    digits = 2 * size
    trees, parents, counts = [], [], []
    for content in contents:
        trees.append(content[5 : 5 + digits])
        at, count = 6 + digits, 0
        while content.startswith(b"parent ", at):
            parents.append(content[at + 7 : at + 7 + digits])
            at += 8 + digits
            count += 1
        counts.append(count)
    try:
        return Headers(
            _rows(b"".join(names), size),
            _rows(bytes.fromhex(b"".join(trees).decode("ascii")), size),
            _rows(bytes.fromhex(b"".join(parents).decode("ascii")), size),
            np.array(counts, dtype=np.int64),
        )
    except ValueError:
        return _one_by_one(names, contents)


def _one_by_one(names: Sequence[bytes], contents: Sequence[bytes]) -> Headers:
    """The same where some of the commits are none."""
    if len(names) == 1:
        empty = np.empty((0, len(names[0])), dtype=np.uint8)
        return Headers(
            _rows(names[0], len(names[0])),
            np.zeros((1, len(names[0])), dtype=np.uint8),
            empty,
            np.zeros(1, dtype=np.int64),
        )
    middle = len(names) // 2
    return together([headers(names[:middle], contents[:middle]), headers(names[middle:], contents[middle:])])


def together(parts: Sequence[Headers]) -> Headers:
    """All of them as one."""
    return Headers(
        np.concatenate([each.commits for each in parts]),
        np.concatenate([each.trees for each in parts]),
        np.concatenate([each.parents for each in parts]),
        np.concatenate([each.counts for each in parts]),
    )


def graph(told: Headers) -> Graph:
    """Put the commits in order; one that is told of twice is there once."""
    once = _order(told.commits)
    first = np.cumsum(told.counts) - told.counts
    counts = told.counts[once]
    begins = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
    chosen = np.repeat(first[once] - begins[:-1], counts) + np.arange(int(counts.sum()))
    return Graph(told.commits[once], told.trees[once], rows_of(told.parents[chosen], told.commits[once]), begins)


def sorted_once(names: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Object IDs, a row each, in order and without repetition."""
    return names[_order(names)]


def rows_of(names: NDArray[np.uint8], among: NDArray[np.uint8]) -> _Int64:
    """The rows of object IDs in `among`, which is `sorted_once`; -1 for one that is not there."""
    if not len(among):
        return np.full(len(names), -1, dtype=np.int64)
    heads = _heads(among)
    if (heads[1:] != heads[:-1]).all():
        found = np.searchsorted(heads, _heads(names))
    else:  # somebody made two IDs begin alike
        found = np.searchsorted(whole_names(among), whole_names(names))
    found = np.minimum(found, len(among) - 1)
    return np.where((among[found] == names).all(axis=1), found, -1)


def _order(names: NDArray[np.uint8]) -> _Int64:
    heads = _heads(names)
    order = np.argsort(heads, kind="stable")
    alike = heads[order[1:]] == heads[order[:-1]]
    same = (names[order[1:]] == names[order[:-1]]).all(axis=1)
    if (alike & ~same).any():
        _, once = np.unique(whole_names(names), return_index=True)
        return once
    return np.concatenate((order[:1], order[1:][~same]))


def _heads(names: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The first eight bytes of object IDs, in the order of the whole."""
    heads: NDArray[np.uint64] = np.ascontiguousarray(names[:, :8]).view(">u8").ravel().astype(np.uint64)
    return heads


def _rows(content: bytes, size: int) -> NDArray[np.uint8]:
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, size)


def differing(graph: Graph, kinds: _Int64) -> Iterator[tuple[int, list[int]]]:
    """Commits whose kind is not that of any of their parents, with the rows of those parents."""
    of_parents = np.where(graph.parents >= 0, kinds[np.maximum(graph.parents, 0)], -1)
    owners = np.repeat(np.arange(len(graph)), np.diff(graph.first))
    same = (of_parents == kinds[owners]) & (graph.parents >= 0)
    alike = np.zeros(len(graph), dtype=bool)
    alike[owners[same]] = True
    parentless = np.ones(len(graph), dtype=bool)
    parentless[owners[graph.parents >= 0]] = False
    for row in np.flatnonzero(~alike & ~(parentless & (kinds == 0))).tolist():
        yield row, graph.parents_of(row)
