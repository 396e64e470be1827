"""One pack file: where every object stands, what it is, and which object it is a delta of; arrays, no loops.

The formats are those of gitformat-pack(5). Everything is read from two memory maps; no object is inflated here.
"""

from __future__ import annotations

import functools
import hashlib
import mmap
import os
import stat
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from keysweep.sources.history.objects.stores import PackError, PackIndexError

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
TYPES = {COMMIT: "commit", TREE: "tree", BLOB: "blob", TAG: "tag"}
_OFS_DELTA, _REF_DELTA = 6, 7
_IDX_BEGIN = b"\xfftOc"
_IDX_MAGIC = _IDX_BEGIN + b"\x00\x00\x00\x02"
_FANOUT_BYTES = 256 * 4
_FAR = 1 << 31
"""Marks an offset of four bytes as the number of one of eight."""
_NOWHERE = (1 << 62) - 1
"""Behind the end of any pack, where what an index says cannot be true."""

_Int64 = NDArray[np.int64]

_ENTRIES_TOGETHER = 200_000
"""Read before letting go of what was mapped: a process is charged for every part of the pack that it looked at."""


class Pack:
    """The objects of one pack in the order in which they stand there; all arrays run over them."""

    def __init__(self, path: str, hash_bytes: int) -> None:
        """Read the index beside the pack at `path`. Raises PackError, or OSError where they cannot be read."""
        self.path = path
        self._map = _mapped(path)
        content = np.frombuffer(self._map, dtype=np.uint8)
        if len(content) < 12 + hash_bytes:
            raise PackError("it is cut short")
        index = _Index(path.removesuffix(".pack") + ".idx", hash_bytes)
        self.faults = tuple(self._faults(index, hash_bytes))
        """What is wrong with it though it can be read, at least in part."""
        order = np.argsort(index.offsets)
        self.offsets: _Int64 = index.offsets[order]
        self.checksums = None if index.checksums is None else index.checksums[order]
        """CRC-32 of each entry as it stands in the pack; None where the index is too old to have them."""
        self._names = index.names[order]
        end = len(content) - (hash_bytes if self._map[-hash_bytes:] == index.pack_checksum else 0)
        self.ends: _Int64 = np.minimum(np.append(self.offsets[1:], end)[: len(self.offsets)], end)
        reader = _Reader(content)
        kinds = np.empty(len(self.offsets), dtype=np.uint8)
        self.sizes, self.bases, self.starts = (np.empty(len(self.offsets), dtype=np.int64) for _ in range(3))
        for first in range(0, len(self.offsets), _ENTRIES_TOGETHER):
            some = slice(first, first + _ENTRIES_TOGETHER)
            kinds[some], self.sizes[some], at = _headers(reader, self.offsets[some])
            self.bases[some], self.starts[some] = self._find_bases(
                reader, kinds[some], self.offsets[some], at, hash_bytes
            )
            self.forget()
        self.roots = _roots(self.bases)
        resolved = (self.roots >= 0) & (self.starts <= self.ends)
        self.types: NDArray[np.uint8] = np.where(resolved, kinds[self.roots], 0).astype(np.uint8)
        """One of `TYPES`, or 0 where only git can tell."""
        self.types[self.types > TAG] = 0

    def __len__(self) -> int:
        return len(self.offsets)

    def name(self, number: int) -> str:
        """The object ID in hexadecimal digits."""
        return bytes(self._names[number]).hex()

    def raw_names(self) -> NDArray[np.uint8]:
        """All object IDs, a row each."""
        return self._names

    def view(self) -> memoryview:
        """The bytes of the pack."""
        return memoryview(self._map)

    def forget(self) -> None:
        """Let go of what was read: the system keeps the file in its cache, and no process is charged for it."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def _faults(self, index: _Index, hash_bytes: int) -> Iterator[str]:
        if self._map[:4] != b"PACK":
            yield "it does not begin as a pack"
        elif int.from_bytes(self._map[8:12], "big") != len(index.offsets):
            yield "its index lists another number of objects"
        if not index.is_as_written:
            yield "its index is not as it was written"
        elif self._map[-hash_bytes:] != index.pack_checksum:
            yield "it does not end as its index says"

    def children(self) -> tuple[_Int64, _Int64]:
        """Deltas by their base: those of object `n` are `first[starts[n] : starts[n + 1]]`."""
        deltas = np.flatnonzero((self.bases >= 0) & (self.types != 0))
        deltas = deltas[np.argsort(self.bases[deltas], kind="stable")]
        starts = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.bases[deltas], minlength=len(self)), out=starts[1:])
        return deltas, starts

    def _find_bases(
        self, reader: _Reader, kinds: NDArray[np.uint8], offsets: _Int64, at: _Int64, hash_bytes: int
    ) -> tuple[_Int64, _Int64]:
        """The number of each base (-1: none, -2: not in this pack) and where the compressed bytes begin."""
        bases = np.full(len(kinds), -1, dtype=np.int64)
        near = np.flatnonzero(kinds == _OFS_DELTA)
        if len(near):
            back, at[near] = _offsets_back(reader, at[near])
            wanted = offsets[near] - back
            found = np.searchsorted(self.offsets, wanted)
            exact = self.offsets[np.minimum(found, len(self.offsets) - 1)] == wanted
            bases[near] = np.where(exact & (back > 0), found, -2)
        named = np.flatnonzero(kinds == _REF_DELTA)
        if len(named):
            bases[named] = self._numbers_of(reader.rows(at[named], hash_bytes))
            at[named] += hash_bytes
        return bases, at

    def _numbers_of(self, names: NDArray[np.uint8]) -> _Int64:
        """The numbers of objects by their IDs; -2 where this pack has none."""
        own, wanted = whole_names(self._names), whole_names(names)
        order = np.argsort(own)
        found = np.minimum(np.searchsorted(own, wanted, sorter=order), len(own) - 1)
        numbers = order[found]
        return np.where(own[numbers] == wanted, numbers, -2)


@functools.cache
def opened(path: str, hash_bytes: int) -> Pack:
    """The pack at `path`, read once a process: workers that are forked find it read."""
    return Pack(path, hash_bytes)


def sorted_names(path: str, hash_bytes: int) -> NDArray[np.uint8]:
    """The IDs of all objects of a pack that was opened before, sorted, a row each; see `graph.rows_of`."""
    return _Index(path.removesuffix(".pack") + ".idx", hash_bytes).names


def whole_names(names: NDArray[np.uint8]) -> NDArray[np.void]:
    """Object IDs, given as a row of bytes each, as one value each, to be sorted and compared."""
    row = np.dtype((np.void, names.shape[1]))
    values: NDArray[np.void] = np.ascontiguousarray(names).view(row).ravel()
    return values


def _mapped(path: str) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):  # nobody writes into a pipe that lies there
            raise PackError(f"{os.path.basename(path)} is no file")
        if status.st_size == 0:
            raise PackError(f"{os.path.basename(path)} is empty")
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)


class _Index:
    """What the index of a pack says, sorted by ID."""

    def __init__(self, path: str, hash_bytes: int) -> None:
        """Read version 2, or 1 as it was before 2008. Raises PackError or OSError."""
        content = np.frombuffer(_mapped(path), dtype=np.uint8)
        begin = content[:8].tobytes()
        if begin != _IDX_MAGIC and begin[:4] == _IDX_BEGIN:
            raise PackIndexError("its index is of a version that keysweep does not read")
        fanout_at = 8 if begin == _IDX_MAGIC else 0
        entries_at = fanout_at + _FANOUT_BYTES
        if len(content) < entries_at + 2 * hash_bytes:
            raise PackIndexError("its index is cut short")
        count = int.from_bytes(content[entries_at - 4 : entries_at].tobytes(), "big")
        if len(content) < entries_at + count * (hash_bytes + (8 if fanout_at else 4)) + 2 * hash_bytes:
            raise PackIndexError("its index is cut short")
        end = len(content) - 2 * hash_bytes
        digest = hashlib.new("sha1" if hash_bytes == 20 else "sha256", usedforsecurity=False)
        digest.update(content[:-hash_bytes].data)
        self.is_as_written = digest.digest() == content[-hash_bytes:].tobytes()
        self.pack_checksum = content[end : end + hash_bytes].tobytes()
        self.checksums: NDArray[np.uint32] | None = None
        if fanout_at:
            self.names = content[entries_at : entries_at + count * hash_bytes].reshape(count, hash_bytes)
            rest = content[entries_at + count * hash_bytes : end]
            self.checksums = rest[: 4 * count].view(">u4").astype(np.uint32)
            self.offsets = _offsets(rest[4 * count : 8 * count], rest[8 * count :])
        else:
            rows = content[entries_at : entries_at + count * (hash_bytes + 4)].reshape(count, hash_bytes + 4)
            self.names = rows[:, 4:]
            self.offsets = np.ascontiguousarray(rows[:, :4]).view(">u4").ravel().astype(np.int64)


def _offsets(near: NDArray[np.uint8], table: NDArray[np.uint8]) -> _Int64:
    """Offsets of four bytes, some of which are numbers of offsets of eight bytes in `table`."""
    offsets: _Int64 = near.view(">u4").astype(np.int64)
    far = np.flatnonzero(offsets & _FAR)
    if len(far):
        wide = np.append(table[: len(table) // 8 * 8].view(">u8").astype(np.uint64), np.uint64(_NOWHERE))
        wide &= np.uint64(_NOWHERE)
        offsets[far] = wide[np.minimum(offsets[far] & (_FAR - 1), len(wide) - 1)].astype(np.int64)
    return offsets


class _Reader:
    """Bytes of a pack at many places at once; what lies behind its end reads as its last byte."""

    def __init__(self, content: NDArray[np.uint8]) -> None:
        self._content = content

    def at(self, places: _Int64) -> NDArray[np.uint8]:
        return self._content[np.minimum(places, len(self._content) - 1)]

    def rows(self, places: _Int64, length: int) -> NDArray[np.uint8]:
        """`length` bytes from each place on."""
        return self.at(places[:, None] + np.arange(length))


def _headers(reader: _Reader, offsets: _Int64) -> tuple[NDArray[np.uint8], _Int64, _Int64]:
    """Type, inflated size, and the place behind the header of each entry."""
    at = offsets.copy()
    byte = reader.at(at)
    kinds = ((byte >> 4) & 7).astype(np.uint8)
    sizes = (byte & 15).astype(np.int64)
    going = np.flatnonzero(byte & 128)
    at += 1
    shift = 4
    while len(going) and shift < 60:
        byte = reader.at(at[going])
        sizes[going] |= (byte & 127).astype(np.int64) << shift
        at[going] += 1
        shift += 7
        going = going[(byte & 128) != 0]
    return kinds, sizes, at


def _offsets_back(reader: _Reader, at: _Int64) -> tuple[_Int64, _Int64]:
    """How far before each delta its base begins, and the place behind that number."""
    byte = reader.at(at)
    back = (byte & 127).astype(np.int64)
    at = at + 1
    going = np.flatnonzero(byte & 128)
    for _ in range(8):
        if not len(going):
            break
        byte = reader.at(at[going])
        back[going] = ((back[going] + 1) << 7) | (byte & 127)
        at[going] += 1
        going = going[(byte & 128) != 0]
    return back, at


def _roots(bases: _Int64) -> _Int64:
    """The object that each one's chain of deltas ends at; -1 where it leaves the pack or goes in a circle."""
    roots = np.where(bases == -1, np.arange(len(bases)), bases)
    for _ in range(64):
        further = np.where(roots >= 0, roots[roots], -2)
        if (further == roots).all():
            break
        roots = further
    ended = (roots >= 0) & (bases[roots] == -1)
    return np.where(ended, roots, -1)
