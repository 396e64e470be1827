"""Versions of files and messages of commits, read through git and each scanned once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType

from keysweep import git
from keysweep.detect import engine
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import worth_scanning
from keysweep.findings import Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import frozen
from keysweep.sources.added import added
from keysweep.sources.diffs import Change
from keysweep.sources.large import scan_object
from keysweep.sources.windows import WINDOW_BYTES, scan_in_memory

_TOGETHER_BYTES = 512 << 10
"""Contents are looked at together up to about this size, which fits into a core's cache."""


@frozen
class Version:
    """An object under the name it came by."""

    object_id: str
    kind: str
    """What it has to be: blob, commit or tag."""
    origin: Origin


class Versions:
    """Reads and scans versions; a context manager, so that git is reaped."""

    def __init__(self, limits: Limits, options: Options, cwd: str | None) -> None:
        """Start git; raises GitError if there is none."""
        self.problems: list[Problem] = []
        """What could not be scanned; of what only was replaced, nothing."""
        self.scanned: dict[str, int] = {}
        """The objects that were scanned, with their bytes; without those that only were replaced."""
        self._limits, self._options, self._cwd = limits, options, cwd
        self._objects = git.Objects(cwd)
        self._results: dict[tuple[str, str], tuple[Finding, ...]] = {}

    def __enter__(self) -> Versions:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._objects.stop()

    def added_by(self, changes: Iterable[Change], source: Source) -> Iterator[tuple[Change, list[Finding]]]:
        """The changes that add findings to all versions that they replace, and those findings.

        A version that cannot be read is a problem; one that was replaced and cannot be read hides nothing.
        """
        brought = [change for change in changes if change.after]
        self.scan([version(change.after, change, source) for change in brought])
        for change in brought:
            findings = self.findings(change.after, change.path)
            if findings:
                replaced = [blob for blob in change.before if blob]
                self.scan_replaced([version(blob, change, source) for blob in replaced])
                old = [ScanResult(self.findings(blob, change.path)) for blob in replaced]
                if new := added(findings, old):
                    yield change, new

    def scan(self, versions: Sequence[Version]) -> None:
        """Scan those that were not yet, and have `findings` know them."""
        for each, result in self._scan(versions):
            self.problems += result.problems
            if result.scanned_items:
                self.scanned[each.object_id] = result.scanned_bytes

    def scan_replaced(self, versions: Sequence[Version]) -> None:
        """The same for versions that are only compared with; what of them cannot be read is no problem."""
        for _ in self._scan(versions):
            pass

    def findings(self, object_id: str, path: str) -> tuple[Finding, ...]:
        """The findings of a version that was scanned; none of one that could not be read."""
        return self._results.get((object_id, path), ())

    def holding(self) -> Iterator[tuple[str, str, tuple[Finding, ...]]]:
        """Object, path and findings of all versions in which something was found."""
        for (object_id, path), findings in self._results.items():
            if findings:
                yield object_id, path, findings

    def _scan(self, versions: Sequence[Version]) -> Iterator[tuple[Version, ScanResult]]:
        keys = [(each.object_id, each.origin.path) for each in versions]
        new = dict(zip(reversed(keys), reversed(versions), strict=True))  # of several, the first
        wanted = [new[key] for key in dict.fromkeys(keys) if key not in self._results]
        for each, result in self._results_of(wanted):
            self._results[each.object_id, each.origin.path] = result.findings
            yield each, result

    def _results_of(self, wanted: Sequence[Version]) -> Iterator[tuple[Version, ScanResult]]:
        contents = self._objects.read_all([each.object_id for each in wanted], WINDOW_BYTES)
        group: list[tuple[Version, bytes]] = []
        size = 0
        for each, (kind, content) in zip(wanted, contents, strict=True):
            if kind == git.TOO_LARGE:
                yield (
                    each,
                    scan_object(each.object_id, each.kind, each.origin, self._limits, self._options, self._cwd),
                )
            elif kind != each.kind:
                yield each, ScanResult(problems=(_missing(each),))
            else:
                group.append((each, content))
                size += len(content)
                if size >= _TOGETHER_BYTES:
                    yield from self._scan_together(group)
                    group, size = [], 0
        yield from self._scan_together(group)

    def _scan_together(self, group: Sequence[tuple[Version, bytes]]) -> Iterator[tuple[Version, ScanResult]]:
        worth = set(range(len(group)))
        if engine.is_ready():  # without Hyperscan a look at many costs as much as a look at each
            contents = [content for _, content in group]
            worth = set(worth_scanning(contents, [each.origin.path for each, _ in group], self._options))
        for number, (each, content) in enumerate(group):
            if number in worth:
                yield each, scan_in_memory(content, each.origin, self._limits, self._options)
            else:
                yield each, ScanResult((), (), len(content), 1)


def version(blob: str, change: Change, source: Source) -> Version:
    """What stands, or stood, under the path of a change."""
    return Version(blob, "blob", Origin(change.path, source, commit=change.commit, blob=blob))


def _missing(unread: Version) -> Problem:
    message = f"{unread.kind} {unread.object_id[:12]} is not in this repository: fetch it, or ask `git fsck`"
    return Problem(ProblemCode.MISSING_OBJECT, message, unread.origin)
