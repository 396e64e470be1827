"""A scan of all history: a sweep of the object database, and then where each leak stands in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import redactor
from keysweep.findings import INTERRUPTED, Accounting, Finding, Origin, ScanResult, Source
from keysweep.frozen import replace
from keysweep.sources.diffs import Change
from keysweep.sources.engine import prepare
from keysweep.sources.history.absent import absent
from keysweep.sources.history.objects.stores import Stores, find_stores
from keysweep.sources.history.placing.attribution import attributed, rescanning
from keysweep.sources.history.placing.paths import read_whole
from keysweep.sources.history.rescans.remembered import Notebook, snapshot
from keysweep.sources.history.rescans.rescan import Before, recall, remember
from keysweep.sources.history.small import nothing_in
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.windows import scan_in_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.sources.history.objects.database import Sweep


def scan_history(
    repository: str,
    *,
    limits: Limits | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    cached: bool = False,
    notes_in: str | None = None,
) -> ScanResult:
    """Scan all objects of a repository, and say for each leak where in history it stands.

    One finding for each credential, with its `exposures`. Objects that could not be read are problems, and so is
    that a clone left some on its server. An interrupt or a failing git while commits are looked for costs the
    exposures, not a finding. What an earlier scan did is not done again where `cached`; that is noted in the
    user's cache, or in the directory `notes_in`. Raises GitError where there is no repository.
    """
    limits, options, jobs = limits or Limits(), options or Options(), jobs or os.cpu_count() or 1
    stores = find_stores(repository)
    notes = partial(Notebook, stores, limits, options, notes_in) if cached else None
    result = _of_what_is_here(stores, limits, options, jobs, on_progress, notes)
    if INTERRUPTED in result.problems:
        return result
    return replace(result, problems=tuple(dict.fromkeys((*result.problems, *absent(stores)))))


def _of_what_is_here(
    stores: Stores,
    limits: Limits,
    options: Options,
    jobs: int,
    on_progress: OnProgress | None,
    notes: Callable[[], Notebook] | None,
) -> ScanResult:
    """A repository in which nothing can be pays for no notes: to name the rules takes reading them."""
    rescan = rescanning(limits, options)

    def in_path(path: str) -> tuple[Finding, ...]:
        return scan_in_memory(b"", Origin(path, Source.HISTORY), limits, options).findings

    def whole(findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(read_whole(each, in_path) for each in findings)

    nothing = None if options.rules else nothing_in(stores)
    if nothing:
        return nothing
    notebook = notes() if notes else None
    now = snapshot(stores) if notebook else None
    prepare(only_if_kept=True)
    before = recall(stores, notebook, now, rescan) if notebook and now else None
    if notebook and before and before.is_unchanged:
        if on_progress and before.findings:
            on_progress(Progress("finding commits"))
        with suppress(KeyboardInterrupt):  # all is known, and only the cache would be younger
            notebook.keep(before.memory, None)
        listed = before.memory.listed
        findings, problems = attributed(stores.repository, before.findings, before.memory.changes, rescan)
        return ScanResult(whole(findings), problems, 0, 0, Accounting(listed, listed, 0, listed))
    from keysweep.sources.history.objects.database import (
        sweep_history,  # with numpy, which a scan without news does without
    )
    from keysweep.sources.history.placed import placed

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
    findings, problems, changes = placed(swept, found, before, jobs, on_progress, rescan)
    accounting = _accounting(swept, before)
    if notebook and now and not _names_a_secret(changes, found):
        with suppress(KeyboardInterrupt):  # all was done, and only the next scan will take longer
            remember(stores, notebook, now, before, swept.fresh, accounting.listed, found, changes, problems)
    return ScanResult(whole(findings), problems, swept.scanned_bytes, swept.scanned_objects, accounting)


def _names_a_secret(changes: Iterable[Change], found: Iterable[Finding]) -> bool:
    """Whether a file has a secret for a name: what is noted of changes would keep it."""
    listed = "\0".join({each.path for each in changes})
    return redactor(found)(listed) != listed


def _accounting(swept: Sweep, before: Before | None) -> Accounting:
    listed, earlier = swept.listed_objects, 0
    if before is not None:
        listed = before.memory.listed + len(swept.fresh) if before.is_all_here else listed
        earlier = listed - len(swept.fresh) - len(before.again)
    return Accounting(listed, earlier + swept.scanned_objects, listed - earlier - swept.scanned_objects, earlier)
