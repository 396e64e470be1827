"""Many files scanned over the cores: each worker reads its own batches, only findings come back."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.prefilter import warm_up
from keysweep.detect.scanner import scan
from keysweep.findings import Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.sources.windows import WINDOW_BYTES, scan_windows

BATCH_BYTES = 8 << 20
BATCH_FILES = 2000
POOL_FROM_BYTES = 32 << 20
"""Starting workers pays only above this."""

_Progress = Callable[[int, int], None]
_Sized = tuple[str, int]


class _Tally:
    """What has come back so far, so that nothing found is lost whatever happens next."""

    def __init__(self, total_bytes: int, on_progress: _Progress | None) -> None:
        self.findings: list[Finding] = []
        self.problems: list[Problem] = []
        self.scanned_bytes = 0
        self.scanned_items = 0
        self._total_bytes = total_bytes
        self._on_progress = on_progress

    def add(self, result: ScanResult) -> None:
        self.findings += result.findings
        self.problems += result.problems
        self.scanned_bytes += result.scanned_bytes
        self.scanned_items += result.scanned_items
        if self._on_progress:
            self._on_progress(self.scanned_bytes, self._total_bytes)

    def result(self) -> ScanResult:
        findings = sorted(
            self.findings, key=lambda each: (each.origin.path, each.origin.members, each.place.offset)
        )
        return ScanResult(tuple(findings), tuple(self.problems), self.scanned_bytes, self.scanned_items)


def scan_all(
    files: Sequence[str],
    limits: Limits,
    options: Options,
    jobs: int | None = None,
    on_progress: _Progress | None = None,
) -> ScanResult:
    """Scan `files`; what cannot be read is a problem, and an interrupt ends with what was found until then."""
    sized = [(path, _size(path)) for path in files]
    total = sum(size for _, size in sized)
    tally = _Tally(total, on_progress)
    workers = jobs or os.cpu_count() or 1
    try:
        if workers > 1 and total >= POOL_FROM_BYTES:
            _scan_in_pool(list(_batches(sized)), workers, limits, options, tally)
        else:
            for batch in _batches(sized):
                tally.add(_scan_batch(batch, limits, options))
    except KeyboardInterrupt:
        tally.problems.append(Problem(ProblemCode.INTERRUPTED, "interrupted before everything was scanned"))
    return tally.result()


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _batches(sized: Sequence[_Sized]) -> Iterator[list[str]]:
    batch: list[str] = []
    room = BATCH_BYTES
    for path, size in sized:
        batch.append(path)
        room -= size
        if room <= 0 or len(batch) >= BATCH_FILES:
            yield batch
            batch, room = [], BATCH_BYTES
    if batch:
        yield batch


def _scan_in_pool(batches: list[list[str]], workers: int, limits: Limits, options: Options, tally: _Tally) -> None:
    """Deal batches to workers. A worker that dies takes its pool with it, so the rest goes to a new one.

    Batches are dealt in order and few at a time, so the one that killed its worker is among the first undone.
    """
    in_hand = 2 * workers + 1
    waiting = batches
    while waiting:
        undone = _run_pool(waiting, workers, limits, options, tally)
        for batch in undone[:in_hand]:
            _scan_apart(batch, limits, options, tally)
        waiting = undone[in_hand:]


def _scan_apart(batch: list[str], limits: Limits, options: Options, tally: _Tally) -> None:
    """Scan a batch in a worker of its own, halved until the file that kills it stands alone and is reported."""
    if not _run_pool([batch], 1, limits, options, tally):
        return
    if len(batch) == 1:
        tally.problems.append(_died(batch[0]))
        return
    middle = len(batch) // 2
    _scan_apart(batch[:middle], limits, options, tally)
    _scan_apart(batch[middle:], limits, options, tally)


def _run_pool(
    batches: list[list[str]], workers: int, limits: Limits, options: Options, tally: _Tally
) -> list[list[str]]:
    """Returns the batches that a dying worker left undone."""
    forking = sys.platform == "linux"
    if forking:
        warm_up()  # compiled once, shared by every worker that is forked from here
    context = multiprocessing.get_context("fork" if forking else "spawn")
    undone: list[list[str]] = []
    pool = ProcessPoolExecutor(min(workers, len(batches)), mp_context=context, initializer=_ignore_interrupts)
    try:
        pending: dict[Future[ScanResult], list[str]] = {}
        for batch in batches:
            try:
                pending[pool.submit(_scan_batch, batch, limits, options)] = batch
            except BrokenProcessPool:
                undone.append(batch)
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                batch = pending.pop(future)
                try:
                    tally.add(future.result())
                except BrokenProcessPool:
                    undone.append(batch)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return undone


def _died(path: str) -> Problem:
    message = "ended the worker that scanned it (out of memory?); scan it alone with --jobs 1"
    return Problem(ProblemCode.UNREADABLE, message, Origin(path, Source.FILE))


def _ignore_interrupts() -> None:
    """Ctrl-C reaches the whole group; the parent alone decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _scan_batch(paths: Sequence[str], limits: Limits, options: Options) -> ScanResult:
    findings: list[Finding] = []
    problems: list[Problem] = []
    scanned_bytes = scanned_items = 0
    for path in paths:
        result = _scan_file(path, limits, options)
        findings += result.findings
        problems += result.problems
        scanned_bytes += result.scanned_bytes
        scanned_items += result.scanned_items
    return ScanResult(tuple(findings), tuple(problems), scanned_bytes, scanned_items)


def _scan_file(path: str, limits: Limits, options: Options) -> ScanResult:
    """Scan one file as it is now; links are not followed, their target is the content, as in git."""
    origin = Origin(path, Source.FILE)
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            return scan(os.fsencode(os.readlink(path)), origin, limits, options)
        if not stat.S_ISREG(mode):
            return ScanResult()
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return _unscanned(ProblemCode.VANISHED, "vanished before it was read", origin)
    except OSError as error:
        return _unscanned(ProblemCode.UNREADABLE, f"cannot be read ({error.strerror})", origin)
    try:
        size = os.fstat(descriptor).st_size
        if size < WINDOW_BYTES:
            return scan(_read(descriptor, size), origin, limits, options)
        return scan_windows(lambda most: os.read(descriptor, most), origin, limits, options)
    except OSError as error:
        return _unscanned(ProblemCode.UNREADABLE, f"cannot be read ({error.strerror})", origin)
    finally:
        os.close(descriptor)


def _read(descriptor: int, size: int) -> bytes:
    """All of a small file; one more read than needed, because it may have grown."""
    content = os.read(descriptor, size + 1)
    if len(content) == size:
        return content
    pieces = [content]
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _unscanned(code: ProblemCode, message: str, origin: Origin) -> ScanResult:
    return ScanResult(problems=(Problem(code, message, origin),))
