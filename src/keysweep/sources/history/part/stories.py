"""What became of each leak within a selection: the commits that brought and took it, and who still has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from keysweep.findings import Finding, Origin, Source
from keysweep.sources.diffs import Change
from keysweep.sources.history.placing.commits import read_commits
from keysweep.sources.history.placing.leaks import Leak
from keysweep.sources.history.placing.refs import list_refs, newest_versions
from keysweep.sources.versions import Version, Versions

_Holds = Callable[[str, str, str], bool]
"""Whether there stands, in a blob under a path, a leak."""


def told(
    repository: str,
    findings: Sequence[Finding],
    added: Iterable[tuple[Change, Sequence[Finding]]],
    changes: Iterable[Change],
    holding: Mapping[tuple[str, str], frozenset[str]],
    versions: Versions,
) -> tuple[Finding, ...]:
    """One finding for each leak among `findings`, with its exposures.

    `added` says which of the selected `changes` add what, `holding` which leaks stand in which (blob, path) that a
    change brings. Other versions, from before the selection or behind it, are scanned to be compared with.
    """
    if not findings:
        return ()
    same: dict[str, list[Finding]] = defaultdict(list)
    brought: dict[str, dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        same[finding.fingerprint].append(finding)
    for change, new in added:
        for finding in new:
            brought[finding.fingerprint][change.path].append((change.commit, change.after))
    leaky = {path for places in brought.values() for path in places}
    touching: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if change.path in leaky:
            touching[change.path].append(change)
    refs = list_refs(repository)
    newest: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for (path, blob), names in newest_versions(repository, refs, sorted(leaky)).items():
        newest[path][blob] = names
    holds = _holds(holding, touching, newest, versions)
    leaks = {name: Leak(tuple(each), brought[name], {}) for name, each in same.items()}
    held: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for name, leak in leaks.items():
        taken = {path: _taken(name, touching[path], holds) for path in leak.brought}
        leaks[name] = Leak(leak.same, leak.brought, taken)
        for path in leak.brought:
            there = (names for blob, names in newest[path].items() if holds(blob, path, name))
            held[name][path] = {ref for names in there for ref in names}
    shown = read_commits(repository, {commit for leak in leaks.values() for commit in leak.commits()})
    return tuple(leak.finding(shown, held[name], refs) for name, leak in leaks.items())


def _holds(
    holding: Mapping[tuple[str, str], frozenset[str]],
    touching: Mapping[str, Sequence[Change]],
    newest: Mapping[str, Iterable[str]],
    versions: Versions,
) -> _Holds:
    """Knows of every version under the paths of leaks what it holds."""
    brought = {(change.after, path) for path, changes in touching.items() for change in changes}
    others = {(blob, path) for path, changes in touching.items() for change in changes for blob in change.before}
    others |= {(blob, path) for path, blobs in newest.items() for blob in blobs}
    versions.scan_replaced([_version(blob, path) for blob, path in sorted(others - brought) if blob])
    known = dict(holding)
    for blob, path, findings in versions.holding():
        known[blob, path] = frozenset(finding.fingerprint for finding in findings)
    return lambda blob, path, leak: leak in known.get((blob, path), ())


def _taken(leak: str, changes: Sequence[Change], holds: _Holds) -> list[str]:
    """The commits that took a leak out of one file; a merge takes what each of its parents had."""
    return [
        change.commit
        for change in changes
        if all(holds(blob, change.path, leak) for blob in change.before)
        and not holds(change.after, change.path, leak)
    ]


def _version(blob: str, path: str) -> Version:
    return Version(blob, "blob", Origin(path, Source.HISTORY, blob=blob))
