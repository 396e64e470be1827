"""A part of history, scanned for what it adds: the commits of a range, since a date, of some refs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.pragmas import allowing_all, marked
from keysweep.findings import INTERRUPTED, Accounting, Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.sources.diffs import Change, list_changes
from keysweep.sources.engine import prepare
from keysweep.sources.history.part.brought import Brought, Piece, message, pieces, scan_piece
from keysweep.sources.history.part.pathspecs import Pathspec, check_paths, read_paths
from keysweep.sources.history.part.selection import Narrowing, Selection, select
from keysweep.sources.history.part.stories import told
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.versions import Versions
from keysweep.sources.workers import Crew

_POOL_FROM = 3000
"""Starting workers pays only for more changes and messages than this."""


def scan_narrowed(
    repository: str,
    narrowing: Narrowing,
    *,
    limits: Limits | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> ScanResult:
    """Scan the selected commits: their messages, the tags that lead to them, and what they bring under the paths.

    A finding is reported where a selected commit adds it: what its parents' versions of the file held is not. Each
    credential is told once, with its `exposures` as far as the selection goes. What cannot be read is a problem,
    and an interrupt ends with what was found until then.

    Raises UsageError for a condition that means nothing in this repository, IncompleteError where it lacks what is
    needed to tell, and GitError where there is no repository.
    """
    paths = read_paths(narrowing.paths)
    if on_progress:
        on_progress(Progress("listing"))
    selection = select(repository, narrowing)
    if not selection.commits:
        notes = (*selection.notes, "no commit is selected, so that there was nothing to scan")
        return ScanResult(objects=Accounting(0, 0, 0), notes=notes)
    workers = jobs or os.cpu_count() or 1
    problems = _cut_off(selection)
    changes = _changes(repository, selection, paths, workers, problems)
    check_paths(repository, paths, [change.path for change in changes], selection.commits)
    messages = [message(each, "commit") for each in selection.commits]
    messages += [message(each, "tag") for each in selection.tags]
    tally = _Tally(len(changes) + len(messages), problems, on_progress)
    do = partial(scan_piece, repository=repository, limits=limits or Limits(), options=options or Options())
    try:
        _run(pieces(changes, messages), do, workers, tally)
    except KeyboardInterrupt:
        problems.append(INTERRUPTED)
    tally.settle()
    findings = tally.once_each()
    if findings and on_progress:
        on_progress(Progress("finding commits"))
    try:
        with Versions(limits or Limits(), options or Options(), repository) as versions:
            findings = told(repository, tally.findings(), tally.added, changes, tally.holding, versions)
    except KeyboardInterrupt:
        problems.append(Problem(ProblemCode.INTERRUPTED, "interrupted before the commits of each leak were found"))
    listed = len({each.object_id for each in messages} | {change.after for change in changes if change.after})
    return ScanResult(
        findings,
        tuple(dict.fromkeys(problems)),
        tally.scanned_bytes,
        len(tally.scanned),
        Accounting(listed, len(tally.scanned), listed - len(tally.scanned)),
        selection.notes,
    )


def _cut_off(selection: Selection) -> list[Problem]:
    """A commit whose parents are not here looks as if it added everything; what it adds nobody can tell."""
    if not selection.cut:
        return []
    others = f" and {len(selection.cut) - 1} more" if len(selection.cut) > 1 else ""
    text = (
        f"what commit {selection.cut[0][:12]}{others} changed cannot be told, because this clone is shallow and "
        "lacks the parents: fetch more (fetch-depth: 0, or `git fetch --unshallow`)"
    )
    return [Problem(ProblemCode.MISSING_OBJECT, text)]


def _changes(
    repository: str, selection: Selection, paths: Sequence[Pathspec], jobs: int, problems: list[Problem]
) -> list[Change]:
    """What the commits change under the paths; as many gits are asked as there are jobs."""
    cut = set(selection.cut)
    commits = [each for each in selection.commits if each not in cut]
    literal = [each.path for each in paths] if all(each.is_literal and each.path for each in paths) else []
    share = max(100, -(-len(commits) // jobs))
    parts = [commits[at : at + share] for at in range(0, len(commits), share)]
    with ThreadPoolExecutor(max(1, len(parts))) as threads:
        listed = threads.map(lambda part: list(list_changes(part, problems, repository, literal)), parts)
        everything = [change for some in listed for change in some]
    return [each for each in everything if not paths or any(path.matches(each.path) for path in paths)]


class _Tally:
    """What has come back so far."""

    def __init__(self, total: int, problems: list[Problem], on_progress: OnProgress | None) -> None:
        self.added: list[tuple[Change, tuple[Finding, ...]]] = []
        self.said: list[Finding] = []
        self.holding: dict[tuple[str, str], frozenset[str]] = {}
        self.scanned: set[str] = set()
        self.scanned_bytes = 0
        self._problems = problems
        self._done, self._total = 0, total
        self._on_progress = on_progress

    def add(self, brought: Brought) -> None:
        self.added += brought.added
        self.said += brought.said
        self.holding.update({(blob, path): prints for blob, path, prints in brought.holding})
        self.scanned_bytes += sum(size for name, size in brought.scanned if name not in self.scanned)
        self.scanned.update(name for name, _ in brought.scanned)
        self._problems += brought.problems
        self._done += brought.size
        if self._on_progress:
            self._on_progress(Progress("scanning", self._done, self._total, self.scanned_bytes))

    def died(self, piece: Piece) -> None:
        origin = piece.messages[0].origin if piece.messages else Origin(piece.changes[0].path, Source.HISTORY)
        text = "ended the worker that scanned it (out of memory?); try again with --jobs 1"
        self._problems.append(Problem(ProblemCode.UNREADABLE, text, origin))

    def settle(self) -> None:
        """Put in order what came as workers had it."""
        self.added.sort(key=lambda each: (each[0].path, each[0].commit))
        self.said.sort(key=lambda each: each.origin.commit or each.origin.blob or "")

    def findings(self) -> list[Finding]:
        return [*self.said, *(finding for _, new in self.added for finding in new)]

    def once_each(self) -> tuple[Finding, ...]:
        """Each leak where it was seen first, for whoever learns no more of it."""
        same: dict[str, list[Finding]] = {}
        for finding in self.findings():
            same.setdefault(finding.fingerprint, []).append(finding)
        return tuple(marked(each[0], allowing_all(each)) for each in same.values())


def _run(todo: Iterable[Piece], do: partial[Brought], workers: int, tally: _Tally) -> None:
    todo = list(todo)
    few = sum(piece.size for piece in todo) < _POOL_FROM
    prepare(only_if_kept=few)
    if few or workers == 1:
        for piece in todo:
            tally.add(do(piece))
        return
    Crew(workers, do, tally.add, _halved, tally.died).run(todo)


def _halved(piece: Piece) -> list[Piece]:
    if piece.size == 1:
        return []
    changes, messages = len(piece.changes) // 2, len(piece.messages) // 2
    return [
        Piece(piece.changes[:changes], piece.messages[:messages]),
        Piece(piece.changes[changes:], piece.messages[messages:]),
    ]
