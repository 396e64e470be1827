"""Content too large to hold: scanned in windows that overlap, as if it had been scanned at once."""

from __future__ import annotations

from collections.abc import Callable

from keysweep.detect.anchors import Hit
from keysweep.detect.containers import container_format
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import scan
from keysweep.findings import Finding, Origin, Part, Place, Problem, ProblemCode, ScanResult
from keysweep.frozen import replace

WINDOW_BYTES = 64 << 20
OVERLAP_BYTES = 64 << 10
"""Farthest that the parts of one finding may stand apart across a window's edge."""


def scan_windows(read: Callable[[int], bytes], origin: Origin, limits: Limits, options: Options) -> ScanResult:
    """Scan a stream through `read(most_bytes)`, holding one window at a time.

    What fits in one window is scanned as a whole, and so is a container up to `limits.member_bytes`. Beyond
    that, containers are opened only so far, and that is reported; lines and offsets count from the start of the
    stream. Columns in a line longer than a window count from the start of the window. A stream that fails is
    scanned as far as it could be read.
    """
    stream = _Stream(read)
    try:
        result = _scan_stream(stream, origin, limits, options)
    except MemoryError:
        return out_of_memory(origin)
    if stream.failure is None:
        return result
    message = f"cannot be read to its end ({stream.failure.strerror})"
    return replace(result, problems=(*result.problems, Problem(ProblemCode.UNREADABLE, message, origin)))


def scan_in_memory(
    content: bytes, origin: Origin, limits: Limits, options: Options, hits: list[Hit] | None = None
) -> ScanResult:
    """`scan`, but content that takes more memory than there is becomes a problem, so that the rest is scanned."""
    try:
        return scan(content, origin, limits, options, hits)
    except MemoryError:
        return out_of_memory(origin)


def out_of_memory(origin: Origin) -> ScanResult:
    """What came of content that needs more memory than there is."""
    message = "takes more memory than there is; scan it alone, or where there is more"
    return ScanResult(problems=(Problem(ProblemCode.LIMIT, message, origin),))


class _Stream:
    """A stream that ends where reading it fails; `failure` then says why."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.failure: OSError | None = None
        self._read = read

    def fill(self, start: bytes, most: int = WINDOW_BYTES) -> bytes:
        """`start` and what follows, up to a whole window or `most` bytes; less than that is the end."""
        pieces, length = [start], len(start)
        try:
            while length < most and (piece := self._read(min(1 << 20, most - length))):
                pieces.append(piece)
                length += len(piece)
        except OSError as error:
            self.failure = error
        return b"".join(pieces)


def _scan_stream(stream: _Stream, origin: Origin, limits: Limits, options: Options) -> ScanResult:
    window, most = stream.fill(b""), WINDOW_BYTES
    if len(window) == most and container_format(window):
        most = max(WINDOW_BYTES, limits.member_bytes)
        window = stream.fill(window, most)
    if len(window) < most:
        return scan_in_memory(window, origin, limits, options)
    findings: dict[tuple[str, int], Finding] = {}
    problems: list[Problem] = []
    base, line = 0, 0
    while window:
        result = scan_in_memory(window, origin, limits, options)
        for finding in result.findings:
            moved = _moved(finding, base, line)
            findings.setdefault((moved.fingerprint, moved.place.offset), moved)
        told = [_as_of_a_window(problem, most) for problem in result.problems]
        if container_format(window):
            told.append(_too_large(origin, most))
        problems += [problem for problem in told if problem not in problems]
        last = len(window) < WINDOW_BYTES
        advance = len(window) if last else len(window) - OVERLAP_BYTES
        base += advance
        line += window.count(b"\n", 0, advance)
        window = b"" if last else stream.fill(window[advance:])
    return ScanResult(_without_halves(list(findings.values())), tuple(dict.fromkeys(problems)), base, 1)


def _moved(finding: Finding, base: int, line: int) -> Finding:
    return replace(
        finding,
        parts=tuple(replace(part, place=_place(part.place, base, line)) for part in finding.parts),
        alternatives=tuple(replace(part, place=_place(part.place, base, line)) for part in finding.alternatives),
        also_at=tuple(_place(place, base, line) for place in finding.also_at),
    )


def _place(place: Place, base: int, line: int) -> Place:
    return replace(place, offset=place.offset + base, line=place.line + line)


def _as_of_a_window(problem: Problem, most: int) -> Problem:
    """A container that begins in one window and ends in another looks damaged: say what is true instead."""
    return _too_large(problem.origin, most) if problem.code is ProblemCode.DAMAGED else problem


def _too_large(origin: Origin | None, most: int) -> Problem:
    message = f"is larger than {most >> 20} MiB; containers of that size are opened only so far"
    return Problem(ProblemCode.LIMIT, message, origin)


def _without_halves(findings: list[Finding]) -> tuple[Finding, ...]:
    """Drop a lone credential at an edge that the next window saw as part of a pair."""
    paired = {_spot(part) for each in findings if len(each.parts) > 1 for part in each.parts}
    return tuple(each for each in findings if len(each.parts) > 1 or _spot(each.parts[0]) not in paired)


def _spot(part: Part) -> tuple[str, int]:
    return part.value.reveal(), part.place.offset
