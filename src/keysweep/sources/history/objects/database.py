"""The object database of a repository, swept whole: every object exactly once, over the cores."""

from __future__ import annotations

import ctypes
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import INTERRUPTED, Finding, Problem, ProblemCode, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.engine import prepare
from keysweep.sources.history.objects.checks import CheckPiece
from keysweep.sources.history.objects.decode import trees_of
from keysweep.sources.history.objects.done import Done
from keysweep.sources.history.objects.entries import Entries, joined
from keysweep.sources.history.objects.gathered import Gathered, loose_entries
from keysweep.sources.history.objects.graph import Headers, graph, together
from keysweep.sources.history.objects.listing import opened_packs
from keysweep.sources.history.objects.packs import COMMIT
from keysweep.sources.history.objects.pieces import NamedPiece, PackPiece, Piece, Swept
from keysweep.sources.history.objects.plan import Plan, by_git, plan
from keysweep.sources.history.objects.stores import Stores
from keysweep.sources.history.objects.sweep import names_in, sweep
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.workers import Crew

_POOL_FROM_OBJECTS = 5000
"""Starting workers pays only above this."""
_FEW_PIECES = 32
"""So few are all dealt before enough has come back to tell whether anything will be found."""


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
    stores: Stores,
    *,
    limits: Limits | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    done: Done | None = None,
    again: Sequence[str] = (),
) -> Sweep:
    """Scan all objects of a repository, or those that are not `done`, and some `again`.

    `on_progress` is told after each piece of work. An interrupt ends with what was found until then.
    """
    if on_progress:
        on_progress(Progress("listing"))
    keep_memory()
    todo = plan(stores, done=done)
    tally = _Tally(todo, on_progress, todo.listed if todo.fresh is None else len(todo.fresh) + len(again))
    do = partial(sweep, limits=limits or Limits(), options=options or Options())
    workers = jobs or os.cpu_count() or 1
    try:
        run = partial(_run, stores.repository, do=do, workers=workers, tally=tally, all_objects=tally.expected)
        always = bool(done) or len(todo.contents) < _FEW_PIECES
        run((*todo.contents, *by_git(stores, again)), then=partial(_structure, todo, tally, always=always))
        if tally.has_to_be_placed() and not tally.gathers:
            tally.gathers = True
            run(_gathering(todo.structure), add=tally.add_gathered)
        if tally.unread:
            unread, tally.unread = tally.unread, []
            run(tuple(by_git(stores, unread)))
    except KeyboardInterrupt:
        tally.gathers = False
        tally.problems.append(INTERRUPTED)
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


def _structure(todo: Plan, tally: _Tally, *, always: bool) -> Sequence[Piece]:
    """The trees and commits, asked for when the last contents are dealt: whether to gather can be told by then.

    But for what the last of the contents turn out to hold.
    """
    tally.gathers = always or tally.has_to_be_placed()
    return _gathering(todo.structure) if tally.gathers else todo.structure


def _gathering(pieces: Sequence[PackPiece]) -> Sequence[PackPiece]:
    return [replace(piece, gathers=True) for piece in pieces]


class _Tally:
    """What has come back so far."""

    def __init__(self, todo: Plan, on_progress: OnProgress | None, expected: int) -> None:
        self.findings: list[Finding] = []
        self.problems: list[Problem] = list(todo.problems)
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
        self.add_gathered(swept)
        self.scanned_objects += swept.scanned_objects
        self.scanned_bytes += swept.scanned_bytes
        if self._on_progress:
            self._on_progress(Progress("scanning", self.scanned_objects, self.expected, self.scanned_bytes))

    def add_gathered(self, swept: Swept) -> None:
        """Take only what trees name and what commits say of themselves."""
        self._trees += swept.trees
        if swept.headers:
            self._headers.append(swept.headers)
        if swept.entries:
            self._entries[swept.entries[0]].append(swept.entries[1])

    def has_to_be_placed(self) -> bool:
        """Whether there is anything in files, so that somebody has to find out which commits they are of."""
        origins = [*(each.origin for each in self.findings), *(each.origin for each in self.problems)]
        return any(origin is not None and origin.source is Source.HISTORY for origin in origins)

    def account(self) -> None:
        """Never let an object go missing without a word."""
        if self.scanned_objects < self.expected and not self.problems:
            message = f"{self.expected - self.scanned_objects} objects were listed and not scanned"
            self.problems.append(Problem(ProblemCode.UNREADABLE, message))

    def gathered(self, stores: Stores, todo: Plan) -> Gathered | None:
        """What can be searched, where it is complete."""
        whole = (
            all(piece.gathers for piece in todo.contents if isinstance(piece, NamedPiece)) and not todo.problems
        )
        if not (self.gathers and whole and self._headers):
            return None
        return Gathered(
            graph(together(self._headers)),
            {path: joined(self._entries.pop(path)) for path in list(self._entries)},
            loose_entries(self._trees, stores.hash_bytes),
            stores.hash_bytes,
        )

    def fresh_commits(self) -> tuple[str, ...]:
        """The IDs of all commits that were told of."""
        told = [name.tobytes().hex() for headers in self._headers for name in headers.commits]
        return tuple(dict.fromkeys((*told, *self.commits)))

    def died(self, piece: Piece) -> None:
        what = f"object {piece.names[0]}" if isinstance(piece, NamedPiece) else "an object"
        message = f"{what} ended the worker that scanned it (out of memory?); try again with --jobs 1"
        self.problems.append(Problem(ProblemCode.UNREADABLE, message))


def _run(
    repository: str,
    pieces: Sequence[Piece],
    do: Callable[[Piece], Swept],
    workers: int,
    tally: _Tally,
    all_objects: int,
    then: Callable[[], Sequence[Piece]] = tuple,
    add: Callable[[Swept], None] | None = None,
) -> None:
    """Do all pieces, and what `then` returns once they are dealt; `add` takes what comes back, or the tally."""
    add = add or tally.add
    prepare(only_if_kept=all_objects < _POOL_FROM_OBJECTS)
    if workers == 1 or all_objects < _POOL_FROM_OBJECTS:
        for piece in _one_after_the_other(pieces, then):
            swept = do(piece)
            add(swept)
            if swept.interrupted:
                raise KeyboardInterrupt
        return
    for piece in pieces:
        if isinstance(piece, PackPiece):
            trees_of(piece.path, piece.hash_bytes)
    crew = Crew(workers, do, add, partial(_halved, repository), tally.died)
    crew.run(_one_after_the_other(pieces, then))


def _one_after_the_other(pieces: Iterable[Piece], then: Callable[[], Sequence[Piece]]) -> Iterator[Piece]:
    yield from pieces
    yield from then()


def _halved(repository: str, piece: Piece) -> list[Piece]:
    """The same work in smaller pieces, in the end object by object; nothing where it cannot be smaller."""
    if isinstance(piece, NamedPiece):
        middle = len(piece.names) // 2
        return [replace(piece, names=names) for names in (piece.names[:middle], piece.names[middle:]) if middle]
    if isinstance(piece, CheckPiece):
        middle = (piece.begin + piece.end) // 2
        return [replace(piece, end=middle), replace(piece, begin=middle)] if middle > piece.begin else []
    middle = len(piece.starts) // 2
    if middle:
        return [replace(piece, starts=starts) for starts in (piece.starts[:middle], piece.starts[middle:])]
    names = names_in(piece)
    return [NamedPiece(repository, names, packed=True)] if names else []


def keep_memory() -> None:
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
