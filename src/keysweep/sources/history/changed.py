"""What a version changes: the stretch of bytes outside of which it repeats the version it is a delta of."""

from __future__ import annotations

MARGIN_BYTES = 512
"""More than any anchor of the prefilter looks ahead or back: a hit at the edge of a change is seen whole."""
_STEP = 512
_LARGEST_STEP = 1 << 20


def changed(old: bytes, new: bytes) -> tuple[int, int]:
    """How many bytes `new` has in common with `old` at its beginning and at its end.

    A few comparisons of memory; looking for what else both have in common was tried, and costs more than looking
    at all that is between.
    """
    most = min(len(old), len(new))
    begin = _common_beginning(old, new, most)
    return begin, _common_end(old, new, most - begin)


def between(content: bytes, begin: int, end: int) -> bytes:
    """`content` without what `changed` found in common, but for a margin.

    Where the other version has no hit of the prefilter, one of `content` has to be in it.
    """
    return content[max(0, begin - MARGIN_BYTES) : len(content) - end + MARGIN_BYTES]


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
