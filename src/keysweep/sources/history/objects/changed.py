"""What a version changes: the stretches of bytes in which it does not repeat the version it is a delta of."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from keysweep.detect.anchors import Hit
from keysweep.detect.prefilter import find_hits
from keysweep.frozen import frozen

MARGIN_BYTES = 512
"""More than any anchor of the prefilter looks ahead or back."""
_LEAST_COPY_BYTES = 4 * MARGIN_BYTES
"""Leaving out a shorter repetition does not pay."""
_CONTENT_PER_DELTA_BYTE = 40
"""Reading a byte of a delta costs as much as looking at about this many bytes of content."""
_STEP = 512
_LARGEST_STEP = 1 << 20


@frozen
class Copy:
    """A stretch that repeats the version before."""

    start: int
    old_start: int
    length: int
    """All in bytes."""
    begins: bool
    """Whether both versions begin with it."""
    ends: bool
    """Whether both versions end with it."""

    @property
    def end(self) -> int:
        """Where the stretch ends."""
        return self.start + self.length


class Hits:
    """Hits by position, in a few bytes each: dense documents have thousands, in every version."""

    __slots__ = ("_kinds", "positions")

    def __init__(self, hits: Iterable[Hit]) -> None:
        """Takes the hits in the order of their positions."""
        ordered = list(hits)
        self.positions = array("q", [hit.position for hit in ordered])
        self._kinds = tuple(hit.kind for hit in ordered)

    def __len__(self) -> int:
        return len(self.positions)

    def carried(self, copies: Iterable[Copy]) -> Iterator[Hit]:
        """Those inside of what is repeated and not at its edges, where they stand in the new version."""
        for copy in copies:
            first, last = 0, len(self)
            if not copy.begins:
                first = bisect_right(self.positions, copy.old_start + MARGIN_BYTES)
            if not copy.ends:
                last = bisect_left(self.positions, copy.old_start + copy.length - MARGIN_BYTES)
            moved = copy.start - copy.old_start
            for at in range(first, last):
                yield Hit(self._kinds[at], self.positions[at] + moved)


def copied(delta: bytes, old: bytes, new: bytes) -> list[Copy]:
    """What of `new` repeats `old`, in the order of `new`: long stretches, and not necessarily all.

    `delta` makes `new` of `old`. A short one is read, because it says exactly what it copies; where it is long,
    comparing the beginnings and the ends costs less.
    """
    if len(delta) * _CONTENT_PER_DELTA_BYTE <= len(new):
        found = _instructed(delta)
    else:
        most = min(len(old), len(new))
        begin = _common_beginning(old, new, most)
        end = _common_end(old, new, most - begin)
        found = [(0, 0, begin), (len(new) - end, len(old) - end, end)]
    return [
        Copy(
            start,
            old_start,
            length,
            start == old_start == 0,
            start + length == len(new) and old_start + length == len(old),
        )
        for start, old_start, length in found
        if length >= _LEAST_COPY_BYTES
    ]


def unrepeated(copies: Sequence[Copy], size: int) -> Iterator[tuple[int, int]]:
    """Start and end of what lies between the copies in a version of `size` bytes; empty where two merely meet."""
    before = 0
    for copy in copies:
        if not copy.begins:
            yield before, copy.start
        before = copy.end
    if not (copies and copies[-1].ends):
        yield before, size


def looked_at(content: bytes, start: int, end: int) -> bytes:
    """The bytes that decide which hits there are from a margin before `start` to a margin behind `end`."""
    return content[max(0, start - 2 * MARGIN_BYTES) : end + 2 * MARGIN_BYTES]


def hits_between(content: bytes, start: int, end: int, *, hyperscan: bool | None) -> Iterator[Hit]:
    """The hits that `Hits.carried` leaves out around one unrepeated stretch."""
    from_byte = max(0, start - 2 * MARGIN_BYTES)
    for hit in find_hits(looked_at(content, start, end), hyperscan=hyperscan):
        if start - MARGIN_BYTES <= hit.position + from_byte <= end + MARGIN_BYTES:
            yield Hit(hit.kind, hit.position + from_byte)


def _instructed(delta: bytes) -> list[tuple[int, int, int]]:
    """Start, old start and length of the long copies in a delta that was applied before, so that it is sound.

    The format: https://git-scm.com/docs/pack-format#_deltified_representation
    """
    found: list[tuple[int, int, int]] = []
    at = _behind_number(delta, _behind_number(delta, 0))
    start, end = 0, len(delta)
    while at < end:
        instruction = delta[at]
        if instruction < 128:
            at += instruction + 1
            start += instruction
            continue
        last = at + _OPERANDS[instruction]
        if instruction & _LENGTH_BITS == 0x10:  # nearly all are that short
            start += delta[last]
        else:
            length = (
                _number(delta, last + 1 - _OPERANDS[instruction & _LENGTH_BITS], instruction >> 4 & 7) or 1 << 16
            )
            if length >= _LEAST_COPY_BYTES:
                _append(found, start, _number(delta, at + 1, instruction & 15), length)
            start += length
        at = last + 1
    return found


_LENGTH_BITS = 0x70
_OPERANDS = tuple((bits & 127).bit_count() for bits in range(256))
"""How many bytes follow an instruction to copy."""


def _number(delta: bytes, at: int, bits: int) -> int:
    """A number of which only the bytes that `bits` name are written; the others are zero."""
    value = 0
    for byte in range(4):
        if bits >> byte & 1:
            value |= delta[at] << 8 * byte
            at += 1
    return value


def _append(found: list[tuple[int, int, int]], start: int, old_start: int, length: int) -> None:
    """Add a copy, or lengthen the one that it goes on with: git copies 64 KiB at a time."""
    if found:
        first, old_first, before = found[-1]
        if start == first + before and old_start == old_first + before:
            found[-1] = (first, old_first, before + length)
            return
    found.append((start, old_start, length))


def _behind_number(delta: bytes, at: int) -> int:
    while delta[at] & 128:
        at += 1
    return at + 1


def _common_beginning(old: bytes, new: bytes, most: int) -> int:
    """How many bytes both begin with, at most `most`, or up to `_STEP` fewer."""
    size, step = 0, _STEP
    while step >= _STEP and size + step <= most:
        if old[size : size + step] == new[size : size + step]:
            size += step
            step = min(step * 4, _LARGEST_STEP, max(_STEP, most - size))
        else:
            step //= 4
    return size


def _common_end(old: bytes, new: bytes, most: int) -> int:
    """How many bytes both end with, at most `most`, or up to `_STEP` fewer."""
    size, step = 0, _STEP
    old_end, new_end = len(old), len(new)
    while step >= _STEP and size + step <= most:
        if old[old_end - size - step : old_end - size] == new[new_end - size - step : new_end - size]:
            size += step
            step = min(step * 4, _LARGEST_STEP, max(_STEP, most - size))
        else:
            step //= 4
    return size
