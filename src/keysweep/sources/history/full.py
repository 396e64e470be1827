"""A scan of all history: a sweep of the object database, and then where each leak stands in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.errors import GitError
from keysweep.findings import INTERRUPTED, Accounting, Finding, Origin, Problem, ProblemCode, ScanResult
from keysweep.sources.diffs import Change
from keysweep.sources.engine import prepare
from keysweep.sources.history.ascent import TooMuchError, changes_above
from keysweep.sources.history.attribution import attribute
from keysweep.sources.history.commits import list_commits
from keysweep.sources.history.damage import blobs_without_place, located, unattributed
from keysweep.sources.history.database import Sweep, sweep_history
from keysweep.sources.history.holders import HolderPiece, Holders, holders
from keysweep.sources.history.leaks import blobs_of, names_of
from keysweep.sources.history.log import logged_changes
from keysweep.sources.history.remembered import Notebook, snapshot
from keysweep.sources.history.rescan import Before, recall, remember
from keysweep.sources.history.stores import find_stores
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.windows import scan_in_memory
from keysweep.sources.workers import Crew

_INCOMPLETE = Problem(
    ProblemCode.DAMAGED, "git could not tell all of which commits hold what was found; `git fsck` says why"
)
_MOST_COMMITS_AFTER_INTERRUPT = 20_000
"""Whoever interrupts a scan waits a second for the commits that hold what was found, and not for more."""
_POOL_FROM_CANDIDATES = 20_000
"""Starting workers pays only for more trees than this."""


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

    One finding for each credential, with its `exposures`. Objects that could not be read are problems, and an
    interrupt or a failing git while commits are looked for costs the exposures, not a finding. What an earlier
    scan did is not done again where `cached`. Raises GitError where there is no repository.
    """
    limits, options, jobs = limits or Limits(), options or Options(), jobs or os.cpu_count() or 1

    read: dict[str, tuple[Finding, ...]] = {}

    def rescan(name: str, content: bytes) -> tuple[Finding, ...]:
        if name not in read:
            read[name] = scan_in_memory(content, Origin(""), limits, options).findings
        return read[name]

    stores = find_stores(repository)
    notebook = Notebook(stores, limits, options) if cached else None
    now = snapshot(stores) if notebook else None
    prepare(only_if_kept=True)
    before = recall(stores, notebook, now, rescan) if notebook and now else None
    swept = sweep_history(
        stores,
        limits=limits,
        options=options,
        jobs=jobs,
        on_progress=on_progress,
        done=before.done if before else None,
        again=before.again if before else (),
    )
    found = (*(before.findings if before else ()), *swept.findings)
    findings, problems, changes = _placed(swept, found, before, jobs, on_progress, rescan)
    accounting = _accounting(swept, before)
    if notebook and now:
        remember(stores, notebook, now, before, swept.fresh, accounting.listed, found, changes, problems)
    return ScanResult(findings, problems, swept.scanned_bytes, swept.scanned_objects, accounting)


def _placed(
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
        return unattributed(found), problems, changes
    findings: tuple[Finding, ...] = ()
    try:
        if found and on_progress:
            on_progress(Progress("finding commits"))
        blobs, names = {*blobs_of(found), *blobs_without_place(problems)}, names_of(found)
        complete = True
        if blobs or names:
            changes, complete = _changes(swept, before, jobs, blobs, names)
        if found and not complete:
            problems = (*problems, _INCOMPLETE)
        problems = located(problems, changes)
        findings = attribute(swept.stores.repository, found, changes, rescan) if found else ()
    except (KeyboardInterrupt, GitError, OSError) as error:
        findings = unattributed(found)
        problems = (*problems, _untold(error))
    return tuple(sorted(findings, key=_order)), tuple(dict.fromkeys(problems)), changes


def _order(finding: Finding) -> tuple[str, int, str]:
    """Workers bring results in any order, and two reports of the same repository should not differ by that."""
    return finding.origin.path, finding.place.line, finding.fingerprint


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


def _untold(error: BaseException) -> Problem:
    """Why findings stand without the commits that hold them."""
    if isinstance(error, KeyboardInterrupt):
        message = "interrupted before git had told which commits hold what was found"
        return Problem(ProblemCode.INTERRUPTED, message)
    return Problem(ProblemCode.UNREADABLE, f"git could not tell which commits hold what was found: {error}")
