"""Many files scanned over the cores: each worker reads its own batches, only findings come back."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from threading import Thread

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.prefilter import HYPERSCAN_FROM_BYTES
from keysweep.detect.scanner import scan, worth_scanning
from keysweep.findings import INTERRUPTED, Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import replace
from keysweep.sources.engine import prepare
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.windows import WINDOW_BYTES, out_of_memory, scan_in_memory, scan_windows
from keysweep.sources.workers import Crew

BATCH_BYTES = 4 << 20
BATCH_FILES = 500
SMALL_BYTES = 64 << 10
TOGETHER_BYTES = 512 << 10
"""Files below the one are looked at together, up to about the other at a time: it fits into a core's cache."""
KEPT_ENGINE_FROM_BYTES = 256 << 10
"""Above this, restoring a compiled engine costs less than looking with `re`."""
POOL_FROM_BYTES = 32 << 20
"""Starting workers pays only above this."""
_Listed = tuple[str, int, int]
"""Path, size in bytes and mode; both 0 where the file could not be looked at."""


class _Tally:
    """What has come back so far, so that nothing found is lost whatever happens next."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self.findings: list[Finding] = []
        self.problems: list[Problem] = []
        self.listed_bytes = 0
        self.scanned_bytes = 0
        self.scanned_items = 0
        self._on_progress = on_progress

    def add(self, result: ScanResult) -> None:
        self.findings += result.findings
        self.problems += result.problems
        self.scanned_bytes += result.scanned_bytes
        self.scanned_items += result.scanned_items
        if self._on_progress:
            done, total = self.scanned_bytes, self.listed_bytes
            self._on_progress(Progress("scanning", done, total, done, counts_bytes=True))

    def result(self) -> ScanResult:
        findings = sorted(
            self.findings, key=lambda each: (each.origin.path, each.origin.members, each.place.offset)
        )
        return ScanResult(tuple(findings), tuple(self.problems), self.scanned_bytes, self.scanned_items)


def scan_all(
    files: Iterable[str],
    limits: Limits,
    options: Options,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    streams: Sequence[str] = (),
) -> ScanResult:
    """Scan `streams`, then `files` while they are still being listed.

    `streams` are read to their end whatever they are, links followed; workers do not share them all, so this
    process reads them.

    What cannot be read is a problem, and an interrupt ends with what was found until then. `on_progress` is
    told of the bytes scanned and the bytes listed so far.
    """
    tally = _Tally(on_progress)
    workers = jobs or os.cpu_count() or 1
    batches = _batches(files, tally)
    try:
        for path in streams:
            tally.add(_scan_stream(path, limits, options))
        first = _listed_up_to(POOL_FROM_BYTES if workers > 1 else HYPERSCAN_FROM_BYTES, batches, tally)
        large = tally.listed_bytes >= HYPERSCAN_FROM_BYTES
        if large or (tally.listed_bytes >= KEPT_ENGINE_FROM_BYTES and prepare(only_if_kept=True)):
            options = replace(options, hyperscan=True)
        if workers > 1 and tally.listed_bytes >= POOL_FROM_BYTES:
            _scan_in_pool(chain(first, batches), workers, limits, options, tally)
        else:
            if large:
                prepare()
            for batch in chain(first, batches):
                tally.add(_scan_batch(batch, limits, options))
    except KeyboardInterrupt:
        tally.problems.append(INTERRUPTED)
    return tally.result()


def _batches(files: Iterable[str], tally: _Tally) -> Iterator[list[_Listed]]:
    batch: list[_Listed] = []
    room = BATCH_BYTES
    for path in files:
        try:
            status = os.lstat(path)
            size, mode = status.st_size, status.st_mode
        except OSError:
            size = mode = 0
        batch.append((path, size, mode))
        tally.listed_bytes += size
        room -= size
        if room <= 0 or len(batch) >= BATCH_FILES:
            yield batch
            batch, room = [], BATCH_BYTES
    if batch:
        yield batch


def _listed_up_to(size: int, batches: Iterator[list[_Listed]], tally: _Tally) -> list[list[_Listed]]:
    """List batches until they hold `size` bytes, or all."""
    first = []
    for batch in batches:
        first.append(batch)
        if tally.listed_bytes >= size:
            break
    return first


def _scan_in_pool(
    batches: Iterator[list[_Listed]], workers: int, limits: Limits, options: Options, tally: _Tally
) -> None:
    def died(batch: list[_Listed]) -> None:
        tally.problems.append(_died(batch[0][0]))

    crew = Crew(workers, partial(_scan_batch, limits=limits, options=options), tally.add, _halved, died)
    crew.run(chain(_listed_while_preparing(batches), batches))


def _halved(batch: list[_Listed]) -> list[list[_Listed]]:
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]] if middle else []


def _listed_while_preparing(batches: Iterator[list[_Listed]]) -> list[list[_Listed]]:
    """Make the engine ready once, for all workers; go on listing meanwhile."""
    compiling = Thread(target=prepare)
    compiling.start()
    listed = []
    while compiling.is_alive() and (batch := next(batches, None)):
        listed.append(batch)
    compiling.join()
    return listed


def _died(path: str) -> Problem:
    message = "ended the worker that scanned it (out of memory?); scan it alone with --jobs 1"
    return Problem(ProblemCode.UNREADABLE, message, Origin(path, Source.FILE))


def _scan_batch(files: Sequence[_Listed], limits: Limits, options: Options) -> ScanResult:
    findings: list[Finding] = []
    problems: list[Problem] = []
    scanned_bytes = scanned_items = 0
    for result in _scan_each(files, limits, options):
        findings += result.findings
        problems += result.problems
        scanned_bytes += result.scanned_bytes
        scanned_items += result.scanned_items
    return ScanResult(tuple(findings), tuple(problems), scanned_bytes, scanned_items)


def _scan_each(files: Sequence[_Listed], limits: Limits, options: Options) -> Iterator[ScanResult]:
    """Scan small files together, because a look at each costs more than it finds, and the others one by one."""
    paths: list[str] = []
    contents: list[bytes] = []
    size_together = 0
    together = options.hyperscan is True
    for path, size, mode in files:
        content = _small_content(path, size, mode) if together and size < SMALL_BYTES else None
        if content is None:
            yield _scan_file(path, size, mode, limits, options)
            continue
        paths.append(path)
        contents.append(content)
        size_together += size
        if size_together >= TOGETHER_BYTES:
            yield from _scan_together(paths, contents, limits, options)
            paths, contents, size_together = [], [], 0
    yield from _scan_together(paths, contents, limits, options)


def _scan_together(
    paths: Sequence[str], contents: Sequence[bytes], limits: Limits, options: Options
) -> Iterator[ScanResult]:
    if not contents:
        return  # even a look at nothing would have Hyperscan compiled
    try:
        worth = worth_scanning(contents, paths, options)
    except MemoryError:
        worth = list(range(len(contents)))  # each by itself may still fit
    for number in worth:
        yield scan_in_memory(contents[number], Origin(paths[number], Source.FILE), limits, options)
    silent = set(range(len(contents))).difference(worth)
    yield ScanResult((), (), sum(len(contents[number]) for number in silent), len(silent))


def _small_content(path: str, size: int, mode: int) -> bytes | None:
    """A regular file that is as large as it was listed; None for whatever needs a closer look."""
    if not stat.S_ISREG(mode):
        return None
    try:
        descriptor = os.open(path, _READ_FLAGS)
    except OSError:
        return None
    try:
        content = os.read(descriptor, size + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return content if len(content) == size else None


def _scan_stream(path: str, limits: Limits, options: Options) -> ScanResult:
    origin = Origin(path, Source.FILE)
    try:
        with open(path, "rb", buffering=0) as stream:
            return scan_windows(stream.read, origin, limits, options)
    except OSError as error:
        return _unscanned(ProblemCode.UNREADABLE, f"cannot be read ({error.strerror})", origin)


_READ_FLAGS = (
    os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
)
"""What was a file when it was listed may be a link or a pipe by now."""


def _scan_file(path: str, size: int, mode: int, limits: Limits, options: Options) -> ScanResult:
    """Scan one file as it is now; links are not followed, their target is the content, as in git."""
    origin = Origin(path, Source.FILE)
    try:
        if stat.S_ISLNK(mode):
            return scan(os.fsencode(os.readlink(path)), origin, limits, options)
        if mode and not stat.S_ISREG(mode):
            return ScanResult()
        descriptor = os.open(path, _READ_FLAGS)
    except FileNotFoundError:
        return _unscanned(ProblemCode.VANISHED, "vanished before it was read", origin)
    except OSError as error:
        return _unscanned(ProblemCode.UNREADABLE, f"cannot be read ({error.strerror})", origin)
    try:
        if size < WINDOW_BYTES:
            content = os.read(descriptor, size + 1)
            if len(content) == size:
                return scan(content, origin, limits, options)
            os.lseek(descriptor, 0, os.SEEK_SET)
        return scan_windows(lambda most: os.read(descriptor, most), origin, limits, options)
    except OSError as error:
        return _unscanned(ProblemCode.UNREADABLE, f"cannot be read ({error.strerror})", origin)
    except MemoryError:
        return out_of_memory(origin)
    finally:
        os.close(descriptor)


def _unscanned(code: ProblemCode, message: str, origin: Origin) -> ScanResult:
    return ScanResult(problems=(Problem(code, message, origin),))
