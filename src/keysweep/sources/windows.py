"""Content too large to hold: scanned in windows that overlap, as if it had been scanned at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import scan
from keysweep.findings import Finding, Origin, Part, Place, Problem, ProblemCode, ScanResult

WINDOW_BYTES = 64 << 20
OVERLAP_BYTES = 64 << 10
"""Farthest that the parts of one finding may stand apart across a window's edge."""


def scan_windows(read: Callable[[int], bytes], origin: Origin, limits: Limits, options: Options) -> ScanResult:
    """Scan a stream through `read(most_bytes)`, holding one window at a time.

    What fits in one window is scanned as a whole. Beyond that, containers are not opened any more, and that
    is reported; lines and offsets count from the start of the stream. Columns in a line longer than a window
    count from the start of the window.
    """
    window = _fill(read, b"", WINDOW_BYTES)
    if len(window) < WINDOW_BYTES:
        return scan(window, origin, limits, options)
    findings: dict[tuple[str, int], Finding] = {}
    problems: list[Problem] = []
    base, line = 0, 0
    while window:
        result = scan(window, origin, limits, options)
        for finding in result.findings:
            moved = _moved(finding, base, line)
            findings.setdefault((moved.fingerprint, moved.place.offset), moved)
        problems += _new(result.problems, problems)
        last = len(window) < WINDOW_BYTES
        advance = len(window) if last else len(window) - OVERLAP_BYTES
        base += advance
        line += window.count(b"\n", 0, advance)
        window = b"" if last else _fill(read, window[advance:], WINDOW_BYTES)
    return ScanResult(_without_halves(list(findings.values())), tuple(problems), base, 1)


def _fill(read: Callable[[int], bytes], start: bytes, size: int) -> bytes:
    pieces, length = [start], len(start)
    while length < size and (piece := read(min(1 << 20, size - length))):
        pieces.append(piece)
        length += len(piece)
    return b"".join(pieces)


def _moved(finding: Finding, base: int, line: int) -> Finding:
    return replace(
        finding,
        parts=tuple(replace(part, place=_place(part.place, base, line)) for part in finding.parts),
        alternatives=tuple(replace(part, place=_place(part.place, base, line)) for part in finding.alternatives),
        also_at=tuple(_place(place, base, line) for place in finding.also_at),
    )


def _place(place: Place, base: int, line: int) -> Place:
    return replace(place, offset=place.offset + base, line=place.line + line)


def _new(problems: tuple[Problem, ...], known: list[Problem]) -> list[Problem]:
    """A container that begins in the first window looks truncated there: say what is true instead."""
    told = [
        replace(
            problem,
            code=ProblemCode.LIMIT,
            message=f"is larger than {WINDOW_BYTES >> 20} MiB; containers of that size are opened only so far",
        )
        if problem.code is ProblemCode.DAMAGED
        else problem
        for problem in problems
    ]
    return [problem for problem in dict.fromkeys(told) if problem not in known]


def _without_halves(findings: list[Finding]) -> tuple[Finding, ...]:
    """Drop a lone credential at an edge that the next window saw as part of a pair."""
    paired = {_spot(part) for each in findings if len(each.parts) > 1 for part in each.parts}
    return tuple(each for each in findings if len(each.parts) > 1 or _spot(each.parts[0]) not in paired)


def _spot(part: Part) -> tuple[str, int]:
    return part.value.reveal(), part.place.offset
