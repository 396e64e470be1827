"""Objects of a pack, each delta tree walked once and root first, so that no base is ever inflated twice."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

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


class Decoded(NamedTuple):
    """One object; a tuple, because there are millions."""

    number: int
    content: bytes | None
    """None where it is damaged or too large for memory; what builds on it comes as None too."""
    base: int
    """The number of the object it is a delta of, or -1."""
    base_content: bytes | None


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

    def walk(self, roots: Sequence[int]) -> Iterator[Decoded]:
        """Every object of the trees of `roots`, a base always before what builds on it.

        Holds the contents along one chain of deltas, not those of a whole tree.
        """
        children, first = self._children, self._first
        for root in roots:
            waiting: list[tuple[int, int, bytes | None]] = [(root, -1, None)]
            while waiting:
                number, base, base_content = waiting.pop()
                content = self._content(number, base, base_content)
                yield Decoded(number, content, base, base_content)
                begin, end = first[number], first[number + 1]
                if begin != end:
                    waiting += [(child, number, content) for child in children[begin:end]]

    def _content(self, number: int, base: int, base_content: bytes | None) -> bytes | None:
        if base >= 0 and base_content is None:
            return None
        try:
            raw = self._inflated(number)
            if raw is None or base_content is None:
                return raw
            if _result_size(raw) > MOST_IN_MEMORY_BYTES:
                return None
            return b"".join(apply_delta(base_content, raw))
        except (isal_zlib.error, ApplyDeltaError, ValueError, IndexError, OverflowError):  # type: ignore[misc]
            return None

    def _inflated(self, number: int) -> bytes | None:
        size = self._sizes[number]
        start, end = self._starts[number], self._ends[number]
        if size > MOST_IN_MEMORY_BYTES:
            return None
        if end - start <= _SURELY_SMALL_BYTES:
            content: bytes = isal_zlib.decompress(self._view[start:end], bufsize=size + 1)
        else:
            inflater = isal_zlib.decompressobj()
            content = inflater.decompress(self._view[start:end], size + 1)
            if not inflater.eof:
                return None
        return content if len(content) == size else None


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
