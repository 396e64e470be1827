"""Every object in which each leak of a repository stands: what has to be changed to take it out of history."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Accounting, ScanResult
from keysweep.frozen import frozen
from keysweep.sources.engine import prepare
from keysweep.sources.history.objects.stores import find_stores
from keysweep.sources.history.placing.attribution import rescanning
from keysweep.sources.history.placing.leaks import object_of
from keysweep.sources.history.small import nothing_in
from keysweep.sources.progress import OnProgress


@frozen
class Copies:
    """The leaks of a repository, and all that holds them."""

    result: ScanResult
    """As a scan of history tells it: each leak once."""
    objects: Mapping[str, tuple[str, ...]]
    """By the fingerprint of a leak the IDs of blobs, commits, tags and trees with it, each once."""
    paths: Mapping[str, tuple[str, ...]]
    """By the ID of a blob every path under which a commit has it."""


def every_copy(
    repository: str,
    *,
    limits: Limits,
    options: Options,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> Copies:
    """Sweep all objects, as `scan_history` does; nothing is remembered, because every copy counts.

    Raises GitError where there is no repository.
    """
    stores = find_stores(repository)
    nothing = None if options.rules else nothing_in(stores)
    if nothing:
        return Copies(nothing, {}, {})
    from keysweep.sources.history.objects.database import (
        sweep_history,
    )  # with numpy, which little repositories spare
    from keysweep.sources.history.placed import placed

    jobs = jobs or os.cpu_count() or 1
    rescan = rescanning(limits, options)
    prepare(only_if_kept=True)
    swept = sweep_history(stores, limits=limits, options=options, jobs=jobs, on_progress=on_progress)
    findings, problems, changes = placed(swept, swept.findings, None, jobs, on_progress, rescan)
    objects: dict[str, dict[str, None]] = defaultdict(dict)
    for each in swept.findings:
        objects[each.fingerprint][object_of(each.origin)] = None
    paths: dict[str, dict[str, None]] = defaultdict(dict)
    for change in changes:
        for blob in (change.after, *change.before):
            if blob:
                paths[blob][change.path] = None
    listed, scanned = swept.listed_objects, swept.scanned_objects
    accounting = Accounting(listed, scanned, listed - scanned)
    return Copies(
        ScanResult(findings, problems, swept.scanned_bytes, scanned, accounting),
        {name: tuple(sorted(each)) for name, each in objects.items()},
        {blob: tuple(sorted(each)) for blob, each in paths.items()},
    )
