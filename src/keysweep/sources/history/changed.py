"""What a version changes: the stretches of bytes outside of which it repeats the version it is a delta of."""

from __future__ import annotations

MARGIN_BYTES = 512
"""More than any anchor of the prefilter looks ahead or back: a hit at the edge of a change is seen whole."""
_STEP = 64
_LARGEST_STEP = 1 << 20
_SPLIT_BYTES = 8 << 10
"""A changed stretch below this is not looked at for what it repeats inside."""
_RUN_BYTES = 4 * MARGIN_BYTES
"""Least repeated stretch that is worth leaving out."""
_PROBE_BYTES = 48
_DRIFT_BYTES = 4096
"""How much farther than the ends of a stretch have moved, its middle may have moved."""
_MOST_STRETCHES = 24

_Stretch = tuple[int, int]


def changed(old: bytes, new: bytes) -> bytes:
    """The parts of `new` that it does not have in common with `old` in the same order, each with a margin.

    Where `old` has no hit of the prefilter, one of `new` has to be in them. A few comparisons of memory and short
    searches, which cost less than a look at all of `new`.
    """
    most = min(len(old), len(new))
    begin = _run_after(old, 0, new, 0, most)
    end = _run_before(old, len(old), new, len(new), most - begin)
    stretches = _split(old, (begin, len(old) - end), new, (begin, len(new) - end))
    pieces = []
    at = 0
    for first, last in stretches:
        start = max(at, first - MARGIN_BYTES)
        at = min(len(new), last + MARGIN_BYTES)
        pieces.append(new[start:at])
    return b"\n".join(pieces) if len(pieces) > 1 else pieces[0]


def _split(old: bytes, old_stretch: _Stretch, new: bytes, new_stretch: _Stretch) -> list[_Stretch]:
    """What is left of `new_stretch` without what repeats a part of `old_stretch`, in order."""
    done: list[_Stretch] = []
    waiting = [(old_stretch, new_stretch)]
    while waiting:
        (old_begin, old_end), (begin, end) = waiting.pop()
        if end - begin < _SPLIT_BYTES or len(done) + len(waiting) > _MOST_STRETCHES:
            done.append((begin, end))
            continue
        run = _common_run(old, (old_begin, old_end), new, (begin, end))
        if run is None:
            done.append((begin, end))
            continue
        old_at, at, size = run
        waiting.append(((old_at + size, old_end), (at + size, end)))
        waiting.append(((old_begin, old_at), (begin, at)))
    return done


def _common_run(
    old: bytes, old_stretch: _Stretch, new: bytes, new_stretch: _Stretch
) -> tuple[int, int, int] | None:
    """A stretch around the middle that both have: where it begins in each, and its length."""
    (old_begin, old_end), (begin, end) = old_stretch, new_stretch
    moves = old_begin - begin, old_end - end
    for quarter in (2, 1, 3):
        at = begin + (end - begin) * quarter // 4
        low = max(old_begin, at + min(moves) - _DRIFT_BYTES)
        high = min(old_end, at + max(moves) + _DRIFT_BYTES + _PROBE_BYTES)
        old_at = old.find(new[at : at + _PROBE_BYTES], low, high)
        if old_at < 0:
            continue
        after = _run_after(old, old_at, new, at, min(old_end - old_at, end - at))
        before = _run_before(old, old_at, new, at, min(old_at - old_begin, at - begin))
        if before + after >= _RUN_BYTES:
            return old_at - before, at - before, before + after
    return None


def _run_after(old: bytes, old_at: int, new: bytes, at: int, most: int) -> int:
    """How many of the next `most` bytes are the same, or up to `_STEP` fewer."""
    size, step = 0, _STEP
    while step >= _STEP and size + step <= most:
        if old[old_at + size : old_at + size + step] == new[at + size : at + size + step]:
            size += step
            step = min(step * 4, _LARGEST_STEP, max(_STEP, most - size))
        else:
            step //= 8
    return size


def _run_before(old: bytes, old_at: int, new: bytes, at: int, most: int) -> int:
    """How many of the `most` bytes before are the same, or up to `_STEP` fewer."""
    size, step = 0, _STEP
    while step >= _STEP and size + step <= most:
        if old[old_at - size - step : old_at - size] == new[at - size - step : at - size]:
            size += step
            step = min(step * 4, _LARGEST_STEP, max(_STEP, most - size))
        else:
            step //= 8
    return size
