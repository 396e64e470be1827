"""Each leak and each problem of a sweep where it stands in history: told by what was gathered, or else by git."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from keysweep.errors import GitError
from keysweep.findings import INTERRUPTED, Finding, Problem, ProblemCode
from keysweep.sources.diffs import Change
from keysweep.sources.history.objects.database import Sweep
from keysweep.sources.history.placing.ascent import TooMuchError, changes_above
from keysweep.sources.history.placing.attribution import attributed, in_order, untold
from keysweep.sources.history.placing.commits import list_commits
from keysweep.sources.history.placing.damage import blobs_without_place, located, unattributed
from keysweep.sources.history.placing.holders import HolderPiece, Holders, holders
from keysweep.sources.history.placing.leaks import blobs_of, names_of
from keysweep.sources.history.placing.log import logged_changes
from keysweep.sources.history.rescans.rescan import Before
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.workers import Crew

_INCOMPLETE = Problem(
    ProblemCode.DAMAGED, "git could not tell all of which commits hold what was found; `git fsck` says why"
)
_MOST_COMMITS_AFTER_INTERRUPT = 20_000
"""Whoever interrupts a scan waits a second for the commits that hold what was found, and not for more."""
_POOL_FROM_CANDIDATES = 20_000
"""Starting workers pays only for more trees than this."""


def placed(
    swept: Sweep,
    found: Sequence[Finding],
    before: Before | None,
    jobs: int,
    on_progress: OnProgress | None,
    rescan: Callable[[str, bytes], Sequence[Finding]],
) -> tuple[tuple[Finding, ...], tuple[Problem, ...], Sequence[Change]]:
    """Each leak and each problem where it stands in history, and the changes that say so."""
    problems = swept.problems
    changes: Sequence[Change] = ()
    if INTERRUPTED in problems and len(swept.commits()) > _MOST_COMMITS_AFTER_INTERRUPT:
        return in_order(unattributed(found)), problems, changes
    try:
        if found and on_progress:
            on_progress(Progress("finding commits"))
        blobs, names = {*blobs_of(found), *blobs_without_place(problems)}, names_of(found)
        complete = True
        if blobs or names:
            changes, complete = _changes(swept, before, jobs, blobs, names)
    except (KeyboardInterrupt, GitError, OSError) as error:
        return in_order(unattributed(found)), (*problems, untold(error)), changes
    if found and not complete:
        problems = (*problems, _INCOMPLETE)
    findings, wrong = attributed(swept.stores.repository, found, changes, rescan)
    return findings, tuple(dict.fromkeys((*located(problems, changes), *wrong))), changes


def _changes(
    swept: Sweep, before: Before | None, jobs: int, blobs: set[str], names: set[str]
) -> tuple[Sequence[Change], bool]:
    """What commits change of what was found: from what the sweep gathered, or else told by git."""
    if before is not None:
        repository = swept.stores.repository
        if before.keeps_history:
            told, complete = logged_changes(repository, swept.fresh_commits, jobs, blobs, names)
            changes = (*before.memory.changes, *told)
            if blobs_of(swept.findings) <= {change.after for change in changes}:
                return changes, complete
        # a commit that was known may hold an object that was missing then
        return logged_changes(repository, list_commits(repository), jobs, blobs, names)
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
