"""What a version changes: the stretch of bytes outside of which it equals the version it is a delta of."""

from __future__ import annotations

MARGIN_BYTES = 512
"""More than any anchor of the prefilter looks ahead or back: a hit at the edge of a change is seen whole."""
_STEP = 64
_LARGEST_STEP = 1 << 20


def changed(old: bytes, new: bytes) -> bytes:
    """The part of `new` that is not at the same distance from its beginning or its end in `old`, with a margin.

    Where `old` has no hit of the prefilter, one of `new` has to be in it. A few comparisons of memory, no search.
    """
    most = min(len(old), len(new))
    begin = _common_beginning(old, new, most)
    end = _common_end(old, new, most - begin)
    return new[max(0, begin - MARGIN_BYTES) : len(new) - end + MARGIN_BYTES]


def _common_beginning(old: bytes, new: bytes, most: int) -> int:
    """Length of a common beginning, at most `_STEP` less than the longest."""
    at, step = 0, _STEP
    while step >= _STEP and at < most:
        if old[at : at + step] == new[at : at + step]:
            at += step
            step = min(step * 4, _LARGEST_STEP)
        else:
            step //= 8
    return min(at, most)


def _common_end(old: bytes, new: bytes, most: int) -> int:
    """Length of a common end of at most `most` bytes, at most `_STEP` less than the longest."""
    at, step = 0, _STEP
    old_size, new_size = len(old), len(new)
    while step >= _STEP and at + step <= most:
        if old[old_size - at - step : old_size - at] == new[new_size - at - step : new_size - at]:
            at += step
            step = min(step * 4, _LARGEST_STEP, max(_STEP, most - at))
        else:
            step //= 8
    return at
