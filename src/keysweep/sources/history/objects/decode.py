"""Objects of a pack, each delta tree walked once and root first, so that no base is ever inflated twice."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator, Sequence, Set
from typing import TypeVar

import deflate
import numpy as np
from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta
from numpy.typing import NDArray

from keysweep.sources.history.objects.packs import Pack, opened
from keysweep.sources.windows import WINDOW_BYTES

_LARGE_BYTES = 1 << 20
"""From this size on it matters which contents are held."""
_FEW_BYTES = 200
"""Up to here zlib, which begins sooner, is done before libdeflate is."""


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

        Does not go on into what begins at `stops`. Of a branch the larger part comes last, so that only as many
        large contents are held as the tree can be halved, however long its chains of deltas are.
        """
        children, first, inflated = self._children, self._first, self.inflated
        for start in starts:
            base = self._bases[start]
            sizes: dict[int, int] = {}
            waiting = [(start, base, self.content(base) if base >= 0 else None)]
            while waiting:
                number, base, base_content = waiting.pop()
                raw = inflated(number) if base < 0 or base_content is not None else None
                content = raw if base < 0 else _applied(base_content, raw)
                yield number, content, base, base_content, raw
                begin, end = first[number], first[number + 1]
                if begin == end:
                    continue
                if end - begin == 1 and not stops:
                    waiting.append((children[begin], number, content))
                    continue
                below = [each for each in children[begin:end] if each not in stops]
                if len(below) > 1 and content is not None and len(content) >= _LARGE_BYTES:
                    sizes = sizes or self._sizes_below(start, stops)
                    below.sort(key=sizes.__getitem__, reverse=True)
                waiting += [(each, number, content) for each in below]

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

    def members(self, root: int, stops: Set[int] = frozenset()) -> list[int]:
        """The objects of one tree, a base always before what builds on it; not what begins at `stops`."""
        found = [root]
        for number in found:
            children = self._children[self._first[number] : self._first[number + 1]]
            found += [each for each in children if each not in stops]
        return found

    def _sizes_below(self, start: int, stops: Set[int]) -> dict[int, int]:
        """How many objects each part of a tree has."""
        members = self.members(start, stops)
        sizes = dict.fromkeys(members, 1)
        for number in reversed(members[1:]):
            sizes[self._bases[number]] += sizes[number]
        return sizes

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
        if size > WINDOW_BYTES:
            return None
        try:
            if end - start <= _FEW_BYTES:
                content = zlib.decompress(self._view[start:end], bufsize=size + 1)
            else:
                content = bytes(deflate.zlib_decompress(self._view[start:end], size))
        except (zlib.error, deflate.DeflateError):
            return None
        return content if len(content) == size else None


def _applied(base: bytes | None, delta: bytes | None) -> bytes | None:
    if base is None or delta is None:
        return None
    try:
        if _promises_much(delta) and _result_size(delta) > WINDOW_BYTES:
            return None
        return b"".join(apply_delta(base, delta))
    except (ApplyDeltaError, ValueError, IndexError, OverflowError):
        return None


def _integers(array: NDArray[np.int64]) -> memoryview[int]:
    return memoryview(np.ascontiguousarray(array))  # type: ignore[arg-type]


def _promises_much(delta: bytes) -> bool:
    """Whether the size of what a delta makes, which stands behind the size of its base, is 2 MiB or more."""
    at = 0
    while delta[at] > 127:
        at += 1
    return delta[at + 1] > 127 and delta[at + 2] > 127 and delta[at + 3] > 127


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
