"""Objects of a pack, each delta tree walked once and root first, so that no base is ever inflated twice."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence, Set
from typing import TypeVar

import numpy as np
from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta
from isal import isal_zlib
from numpy.typing import NDArray

from keysweep.sources.history.packs import Pack, opened

MOST_IN_MEMORY_BYTES = 64 << 20
"""A larger object is read as a stream, through git."""
_SURELY_SMALL_BYTES = 1 << 16
"""Compressed bytes that cannot inflate to more than `MOST_IN_MEMORY_BYTES`: deflate packs by 1032 at most."""


_State = TypeVar("_State")

Decoded = tuple[int, bytes | None, int, bytes | None, bytes | None]
"""Number, content, number of the base or -1, content of the base, and the delta that makes the one of the other.

The content is None where it is damaged or too large for memory; what builds on it comes as None too. A plain
tuple, because there are millions.
"""


@functools.cache
def trees_of(path: str, hash_bytes: int) -> Trees:
    """The delta trees of the pack at `path`, prepared once a process: workers that are forked find them so."""
    return Trees(opened(path, hash_bytes))


class Trees:
    """The delta trees of one pack."""

    def __init__(self, pack: Pack) -> None:
        """Only reads arrays; nothing is inflated yet."""
        self._view = pack.view()
        # Memory views give Python's integers one by one: lists of them would take forty bytes for each.
        children, first = pack.children()
        self._starts, self._ends, self._sizes = _integers(pack.starts), _integers(pack.ends), _integers(pack.sizes)
        self._children, self._first = _integers(children), _integers(first)
        self._bases = _integers(pack.bases)

    def walk(self, starts: Sequence[int], stops: Set[int] = frozenset()) -> Iterator[Decoded]:
        """Every object of the trees below `starts`, a base always before what builds on it.

        Does not go on into what begins at `stops`. Holds the contents along one chain of deltas, not those of a
        whole tree.
        """
        children, first = self._children, self._first
        for start in starts:
            base = self._bases[start]
            waiting = [(start, base, self.content(base) if base >= 0 else None)]
            while waiting:
                number, base, base_content = waiting.pop()
                raw = self.inflated(number) if base < 0 or base_content is not None else None
                content = raw if base < 0 else _applied(base_content, raw)
                yield number, content, base, base_content, raw
                begin, end = first[number], first[number + 1]
                if begin != end:
                    waiting += [(each, number, content) for each in children[begin:end] if each not in stops]

    def descend(
        self, root: int, judge: Callable[[int, bytes, _State], _State], start: _State, needed: bytes, if_any: bytes
    ) -> None:
        """Have `judge` look at objects of one tree, from its number, its content, and what it said of the base.

        Goes on to those for which `needed` has a byte other than zero, and if `judge` said anything but nothing of
        their base, to those for which `if_any` has one.
        """
        waiting: list[tuple[int, bytes | None, _State]] = [(root, None, start)]
        while waiting:
            number, base_content, state = waiting.pop()
            raw = self.inflated(number)
            content = raw if self._bases[number] < 0 else _applied(base_content, raw)
            if content is None:
                continue
            said = judge(number, content, state)
            children = self._children[self._first[number] : self._first[number + 1]]
            waiting += [(each, content, said) for each in children if needed[each] or (said and if_any[each])]

    def members(self, root: int) -> list[int]:
        """The objects of one tree, a base always before what builds on it."""
        found = [root]
        for number in found:
            found += self._children[self._first[number] : self._first[number + 1]]
        return found

    def content(self, number: int) -> bytes | None:
        """The content of one object, from the root of its tree on."""
        chain = [number]
        while (base := self._bases[chain[-1]]) >= 0:
            chain.append(base)
        content = self.inflated(chain.pop())
        while chain and content is not None:
            content = _applied(content, self.inflated(chain.pop()))
        return content

    def inflated(self, number: int) -> bytes | None:
        """An object as it stands in the pack, a delta not applied; None where it is damaged or too large."""
        size = self._sizes[number]
        start, end = self._starts[number], self._ends[number]
        if size > MOST_IN_MEMORY_BYTES:
            return None
        try:
            if end - start <= _SURELY_SMALL_BYTES:
                content: bytes = isal_zlib.decompress(self._view[start:end], bufsize=size + 1)
            else:
                inflater = isal_zlib.decompressobj()
                content = inflater.decompress(self._view[start:end], size + 1)
                if not inflater.eof:
                    return None
        except isal_zlib.error:  # type: ignore[misc]
            return None
        return content if len(content) == size else None


def _applied(base: bytes | None, delta: bytes | None) -> bytes | None:
    if base is None or delta is None:
        return None
    try:
        if _result_size(delta) > MOST_IN_MEMORY_BYTES:
            return None
        return b"".join(apply_delta(base, delta))
    except (ApplyDeltaError, ValueError, IndexError, OverflowError):
        return None


def _integers(array: NDArray[np.int64]) -> memoryview[int]:
    return memoryview(np.ascontiguousarray(array))  # type: ignore[arg-type]


def _result_size(delta: bytes) -> int:
    """The size that a delta promises for what it makes; the size of its base stands before it."""
    at = size = shift = 0
    for _ in range(2):
        size = shift = 0
        while True:
            byte = delta[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
    return size
