"""Which commits, paths and refs a leak stands in; asked only for what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from keysweep import git
from keysweep.findings import Finding, Origin, Problem, ProblemCode, ScanResult
from keysweep.frozen import replace
from keysweep.sources.history.changes import Change, exists
from keysweep.sources.history.commits import read_commits
from keysweep.sources.history.leaks import Leak, is_blob, is_name
from keysweep.sources.history.refs import list_refs, refs_with

_MOST_PLACED_BYTES = 64 << 20


def attribute(
    repository: str,
    findings: Sequence[Finding],
    find_changes: Callable[[set[str], set[str]], tuple[Sequence[Change], bool]],
    rescan: Callable[[bytes, Origin], ScanResult],
) -> tuple[tuple[Finding, ...], tuple[Problem, ...]]:
    """One finding for each leak, with every path it stood under and the commits that brought and took it.

    `find_changes` gives every change of history with one of some blobs before or after it, or one of some names in
    its path, and whether these are all. `rescan` scans one object again, because lines and offsets of `findings`
    may be those of another version.

    What no commit holds keeps no exposure: it is in an object that only the database knows of. Damage that keeps
    git from telling is a problem, and everything else is told nevertheless.
    """
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.fingerprint].append(finding)
    blobs = {finding.origin.blob for finding in findings if is_blob(finding)}
    names = {finding.origin.path for finding in findings if is_name(finding)}
    problems: list[Problem] = []
    changes: Sequence[Change] = ()
    if blobs or names:
        changes, complete = find_changes({blob for blob in blobs if blob}, names)
        if not complete:
            message = "git could not tell all of which commits hold what was found; `git fsck` says why"
            problems.append(Problem(ProblemCode.DAMAGED, message))
    refs = list_refs(repository)
    leaks = [_leak(same, changes) for same in groups.values()]
    holders = refs_with(repository, refs, {place for leak in leaks for place in _places(leak)})
    shown = read_commits(repository, {commit for leak in leaks for commit in leak.commits()})
    attributed = [leak.finding(shown, _held(leak, holders), refs) for leak in leaks]
    with git.Objects(repository) as objects:
        placed = [_placed(finding, objects, rescan) for finding in attributed]
    return tuple(placed), tuple(problems)


def _placed(finding: Finding, objects: git.Objects, rescan: Callable[[bytes, Origin], ScanResult]) -> Finding:
    """The finding with the lines and offsets of the very object it is told of."""
    if not is_blob(finding) or finding.origin.blob is None or finding.origin.members:
        return finding
    kind, content = objects.read(finding.origin.blob, _MOST_PLACED_BYTES)
    if kind != "blob":
        return finding
    same = [each for each in rescan(content, finding.origin).findings if each.fingerprint == finding.fingerprint]
    return replace(same[0], exposures=finding.exposures) if same else finding


def _leak(same: Sequence[Finding], changes: Iterable[Change]) -> Leak:
    """What brought and what took one credential, by the versions in which it was found."""
    blobs = {finding.origin.blob for finding in same if is_blob(finding)}
    names = frozenset(finding.origin.path for finding in same if is_name(finding))
    brought: dict[str, list[tuple[str, str]]] = defaultdict(list)
    taken: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        named = any(name in change.path for name in names)
        now = change.after in blobs or (named and exists(change.after))
        before = any(blob in blobs or (named and exists(blob)) for blob in change.before)
        if now and not before:
            brought[change.path].append((change.commit, change.after))
        elif before and not now:
            taken[change.path].append(change.commit)
    return Leak(tuple(same), brought, taken)


def _places(leak: Leak) -> Iterator[tuple[str, str]]:
    """(path, blob) of every version with the leak; the blob is empty where the name is the leak."""
    names = frozenset(finding.origin.path for finding in leak.same if is_name(finding))
    blobs = {finding.origin.blob for finding in leak.same if is_blob(finding)}
    for path in leak.brought:
        if any(name in path for name in names):
            yield path, ""
        yield from ((path, blob) for blob in blobs if blob)


def _held(leak: Leak, holders: Mapping[tuple[str, str], Sequence[str]]) -> dict[str, set[str]]:
    """The refs that still have it, by path."""
    held: dict[str, set[str]] = defaultdict(set)
    for path, blob in _places(leak):
        held[path].update(holders.get((path, blob), ()))
    return held
