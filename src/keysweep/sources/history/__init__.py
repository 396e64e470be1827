"""The object database of a repository, scanned whole: every object that was ever written, exactly once."""

from __future__ import annotations

import ctypes
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Accounting, Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.engine import prepare
from keysweep.sources.history.ascent import Gathered, TooMuchError, changes_above, loose_entries
from keysweep.sources.history.attribution import attribute
from keysweep.sources.history.changes import Change
from keysweep.sources.history.commits import list_commits
from keysweep.sources.history.decode import trees_of
from keysweep.sources.history.entries import Entries, joined
from keysweep.sources.history.graph import Headers, graph, together
from keysweep.sources.history.holders import HolderPiece, Holders, holders
from keysweep.sources.history.log import logged_changes
from keysweep.sources.history.packs import COMMIT
from keysweep.sources.history.plan import Done, Plan, by_git, opened_packs, plan
from keysweep.sources.history.remembered import Notebook, snapshot
from keysweep.sources.history.rescan import Before, recall, remember
from keysweep.sources.history.stores import Stores, find_stores, unlisted_in
from keysweep.sources.history.sweep import NamedPiece, PackPiece, Piece, Swept, sweep
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.windows import scan_in_memory
from keysweep.sources.workers import Crew

_POOL_FROM_OBJECTS = 5000
"""Starting workers pays only above this."""

_POOL_FROM_CANDIDATES = 2000


@frozen
class Sweep:
    """What a sweep found, before anybody asked which commits it stands in."""

    stores: Stores
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    listed_objects: int
    scanned_objects: int
    scanned_bytes: int
    loose_commits: tuple[str, ...]
    """Commits that are in no pack that could be read."""
    gathered: Gathered | None
    """What is needed to search the history by itself; None where nothing was found, or git has to do it."""
    fresh: tuple[str, ...]
    """The objects that an earlier sweep had not done; empty where there was none."""
    fresh_commits: tuple[str, ...]
    """Those of them that are commits."""

    def commits(self) -> list[str]:
        """The IDs of all commits, newest first as far as packs keep that order."""
        packed = [
            pack.name(number)
            for pack in opened_packs(self.stores)
            for number in (pack.types == COMMIT).nonzero()[0].tolist()
        ]
        return list(dict.fromkeys((*self.loose_commits, *packed)))


def sweep_history(
    repository: str,
    *,
    limits: Limits | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    done: Done | None = None,
    again: Sequence[str] = (),
) -> Sweep:
    """Scan all objects of the repository at `repository`, or those that are not `done`, and some `again`.

    `on_progress` is told after each piece of work. An interrupt ends with what was found until then.
    Raises GitError where there is no repository.
    """
    stores = find_stores(repository)
    if on_progress:
        on_progress(Progress("listing"))
    todo = plan(stores, done=done)
    tally = _Tally(todo, on_progress, todo.listed if todo.fresh is None else len(todo.fresh) + len(again))
    unlisted = [message for directory in stores.directories for message in unlisted_in(directory)]
    tally.problems += [Problem(ProblemCode.UNREADABLE, message) for message in unlisted]
    _keep_memory()
    do = partial(sweep, limits=limits or Limits(), options=options or Options())
    workers = jobs or os.cpu_count() or 1
    try:
        run = partial(_run, do=do, workers=workers, tally=tally, all_objects=tally.expected)
        run((*todo.contents, *by_git(stores, again)))
        tally.gathers = bool(done) or any(each.origin.source is Source.HISTORY for each in tally.findings)
        run([replace(piece, gathers=tally.gathers) for piece in todo.structure])
        unread, tally.unread = tally.unread, []
        run(tuple(by_git(stores, unread)))
    except KeyboardInterrupt:
        tally.gathers = False
        tally.problems.append(Problem(ProblemCode.INTERRUPTED, "interrupted before everything was scanned"))
    tally.account()
    return Sweep(
        stores,
        tuple(tally.findings),
        tuple(tally.problems),
        todo.listed,
        tally.scanned_objects,
        tally.scanned_bytes,
        tuple(tally.commits),
        tally.gathered(stores, todo) if done is None else None,
        todo.fresh or (),
        tally.fresh_commits() if done else (),
    )


def scan_history(
    repository: str,
    *,
    limits: Limits | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    cached: bool = False,
) -> ScanResult:
    """Scan all objects of a repository, and say for each leak where in history it stands.

    One finding for each credential, with its `exposures`. Objects that could not be read are problems. What an
    earlier scan did is not done again where `cached`. Raises GitError where there is no repository.
    """
    limits, options, jobs = limits or Limits(), options or Options(), jobs or os.cpu_count() or 1

    def rescan(content: bytes, origin: Origin) -> ScanResult:
        return scan_in_memory(content, origin, limits, options)

    stores = find_stores(repository)
    notebook = Notebook(stores, limits, options) if cached else None
    now = snapshot(stores) if notebook else None
    prepare(only_if_kept=True)
    before = recall(stores, notebook, now, rescan) if notebook and now else None
    swept = sweep_history(
        repository,
        limits=limits,
        options=options,
        jobs=jobs,
        on_progress=on_progress,
        done=before.done if before else None,
        again=before.again if before else (),
    )
    found = (*(before.findings if before else ()), *swept.findings)
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    changes: list[Change] = []

    def find_changes(blobs: set[str], names: set[str]) -> tuple[Sequence[Change], bool]:
        told, complete = _changes(swept, before, jobs, blobs, names)
        changes.extend(told)
        return told, complete

    if found:
        if on_progress:
            on_progress(Progress("finding commits"))
        findings, problems = attribute(repository, found, find_changes, rescan)
    problems = tuple(dict.fromkeys((*swept.problems, *problems)))
    accounting = _accounting(swept, before)
    if notebook and now:
        remember(stores, notebook, now, before, swept.fresh, accounting.listed, found, changes, problems)
    return ScanResult(findings, problems, swept.scanned_bytes, swept.scanned_objects, accounting)


def _accounting(swept: Sweep, before: Before | None) -> Accounting:
    listed, earlier = swept.listed_objects, 0
    if before is not None:
        listed = before.memory.listed + len(swept.fresh) if before.is_all_here else listed
        earlier = listed - len(swept.fresh) - len(before.again)
    return Accounting(listed, earlier + swept.scanned_objects, listed - earlier - swept.scanned_objects, earlier)


def _changes(
    swept: Sweep, before: Before | None, jobs: int, blobs: set[str], names: set[str]
) -> tuple[Sequence[Change], bool]:
    """What commits change of what was found: from what the sweep gathered, or else told by git."""
    if before is not None:
        repository = swept.stores.repository
        commits = swept.fresh_commits if before.keeps_history else list_commits(repository)
        told, complete = logged_changes(repository, commits, jobs, blobs, names)
        return (*before.memory.changes, *told) if before.keeps_history else told, complete
    if swept.gathered is not None and not names:
        with suppress(TooMuchError):
            return changes_above(swept.gathered, blobs, partial(_search, jobs)), True
    return logged_changes(swept.stores.repository, swept.commits(), jobs, blobs, names)


def _search(jobs: int, pieces: Sequence[HolderPiece]) -> list[tuple[HolderPiece, Holders]]:
    if jobs == 1 or sum(len(piece.candidates) for piece in pieces) < _POOL_FROM_CANDIDATES:
        return [(piece, holders(piece)) for piece in pieces]
    found: list[tuple[HolderPiece, Holders]] = []
    Crew(jobs, _held, found.append, lambda _: (), _lost).run(pieces)
    return found


def _held(piece: HolderPiece) -> tuple[HolderPiece, Holders]:
    return piece, holders(piece)


def _lost(_: HolderPiece) -> None:
    raise TooMuchError  # a worker that ended for want of memory: git needs less


class _Tally:
    """What has come back so far."""

    def __init__(self, todo: Plan, on_progress: OnProgress | None, expected: int) -> None:
        self.findings: list[Finding] = []
        self.problems: list[Problem] = [
            Problem(ProblemCode.DAMAGED, f"pack {os.path.basename(path)} cannot be read: {reason}")
            for path, reason in todo.damaged
        ]
        self.unread: list[str] = []
        self.commits: list[str] = []
        self.gathers = False
        self._headers: list[Headers] = []
        self._entries: dict[str, list[Entries]] = defaultdict(list)
        self._trees: list[tuple[bytes, bytes]] = []
        self.scanned_objects = self.scanned_bytes = 0
        self.expected = expected
        self._on_progress = on_progress

    def add(self, swept: Swept) -> None:
        self.findings += swept.findings
        self.problems += swept.problems
        self.unread += swept.unread
        self.commits += swept.commits
        self._trees += swept.trees
        if swept.headers:
            self._headers.append(swept.headers)
        if swept.entries:
            self._entries[swept.entries[0]].append(swept.entries[1])
        self.scanned_objects += swept.scanned_objects
        self.scanned_bytes += swept.scanned_bytes
        if self._on_progress:
            self._on_progress(Progress("scanning", self.scanned_objects, self.expected, self.scanned_bytes))

    def account(self) -> None:
        """Never let an object go missing without a word."""
        if self.scanned_objects < self.expected and not self.problems:
            message = f"{self.expected - self.scanned_objects} objects were listed and not scanned"
            self.problems.append(Problem(ProblemCode.UNREADABLE, message))

    def gathered(self, stores: Stores, todo: Plan) -> Gathered | None:
        """What can be searched, where it is complete."""
        whole = all(piece.gathers for piece in todo.contents if isinstance(piece, NamedPiece)) and not todo.damaged
        if not (self.gathers and whole and self._headers):
            return None
        return Gathered(
            graph(together(self._headers)),
            {path: joined(parts) for path, parts in self._entries.items()},
            loose_entries(self._trees, stores.hash_bytes),
            stores.hash_bytes,
        )

    def fresh_commits(self) -> tuple[str, ...]:
        """The IDs of all commits that were told of."""
        told = [name.tobytes().hex() for headers in self._headers for name in headers.commits]
        return tuple(dict.fromkeys((*told, *self.commits)))

    def died(self, piece: Piece) -> None:
        what = "an object" if isinstance(piece, PackPiece) else f"object {piece.names[0]}"
        message = f"{what} ended the worker that scanned it (out of memory?); try again with --jobs 1"
        self.problems.append(Problem(ProblemCode.UNREADABLE, message))


def _run(
    pieces: Sequence[Piece], do: Callable[[Piece], Swept], workers: int, tally: _Tally, all_objects: int
) -> None:
    if not pieces:
        return
    prepare(only_if_kept=all_objects < _POOL_FROM_OBJECTS)
    if workers == 1 or all_objects < _POOL_FROM_OBJECTS:
        for piece in pieces:
            tally.add(do(piece))
        return
    for piece in pieces:
        if isinstance(piece, PackPiece):
            trees_of(piece.path, piece.hash_bytes)
    Crew(workers, do, tally.add, _halved, tally.died).run(pieces)


def _halved(piece: Piece) -> list[Piece]:
    if isinstance(piece, NamedPiece):
        middle = len(piece.names) // 2
        return [replace(piece, names=names) for names in (piece.names[:middle], piece.names[middle:]) if middle]
    middle = len(piece.starts) // 2
    return [replace(piece, starts=starts) for starts in (piece.starts[:middle], piece.starts[middle:]) if middle]


def _keep_memory() -> None:
    """Have glibc keep large blocks for the next object: asking the system for each takes a third of a sweep."""
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, mmap_threshold = -1, -3
    mallopt(mmap_threshold, 64 << 20)
    mallopt(trim_threshold, 64 << 20)
