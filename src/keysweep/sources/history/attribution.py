"""Which commits, paths and refs a leak stands in; asked only for what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from keysweep import git
from keysweep.findings import Commit, Exposure, Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import replace
from keysweep.sources.history.changes import Change, exists
from keysweep.sources.history.commits import read_commits
from keysweep.sources.history.refs import Ref, list_refs, refs_with

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
    blobs = {finding.origin.blob for finding in findings if _is_blob(finding)}
    names = {finding.origin.path for finding in findings if _is_name(finding)}
    problems: list[Problem] = []
    changes: Sequence[Change] = ()
    if blobs or names:
        changes, complete = find_changes({blob for blob in blobs if blob}, names)
        if not complete:
            message = "git could not tell all of which commits hold what was found; `git fsck` says why"
            problems.append(Problem(ProblemCode.DAMAGED, message))
    refs = list_refs(repository)
    leaks = [_Leak(same, changes) for same in groups.values()]
    holders = refs_with(repository, refs, {place for leak in leaks for place in leak.places()})
    shown = read_commits(repository, {commit for leak in leaks for commit in leak.commits()})
    attributed = [leak.finding(shown, holders, refs) for leak in leaks]
    with git.Objects(repository) as objects:
        placed = [_placed(finding, objects, rescan) for finding in attributed]
    return tuple(placed), tuple(problems)


def _placed(finding: Finding, objects: git.Objects, rescan: Callable[[bytes, Origin], ScanResult]) -> Finding:
    """The finding with the lines and offsets of the very object it is told of."""
    if not _is_blob(finding) or finding.origin.blob is None or finding.origin.members:
        return finding
    kind, content = objects.read(finding.origin.blob, _MOST_PLACED_BYTES)
    if kind != "blob":
        return finding
    same = [each for each in rescan(content, finding.origin).findings if each.fingerprint == finding.fingerprint]
    return replace(same[0], exposures=finding.exposures) if same else finding


def _is_name(finding: Finding) -> bool:
    return finding.origin.source is Source.HISTORY and finding.place.decoding[:1] == ("file name",)


def _is_blob(finding: Finding) -> bool:
    return finding.origin.source is Source.HISTORY and not _is_name(finding)


class _Leak:
    """One credential, and everything in history that concerns it."""

    def __init__(self, same: Sequence[Finding], changes: Iterable[Change]) -> None:
        self._same = same
        self._by_blob = {finding.origin.blob: finding for finding in same if _is_blob(finding)}
        self._names = frozenset(finding.origin.path for finding in same if _is_name(finding))
        self._brought: dict[str, list[Change]] = defaultdict(list)
        self._taken: dict[str, list[str]] = defaultdict(list)
        for change in changes:
            named = any(name in change.path for name in self._names)
            now = change.after in self._by_blob or (named and exists(change.after))
            before = any(blob in self._by_blob or (named and exists(blob)) for blob in change.before)
            if now and not before:
                self._brought[change.path].append(change)
            elif before and not now:
                self._taken[change.path].append(change.commit)

    def places(self) -> Iterator[tuple[str, str]]:
        """(path, blob) of every version with the leak; the blob is empty where the name is the leak."""
        for path in self._brought:
            if any(name in path for name in self._names):
                yield path, ""
            for blob in self._by_blob:
                if blob:
                    yield path, blob

    def commits(self) -> Iterator[str]:
        """All commits to be shown."""
        for brought in self._brought.values():
            yield from (change.commit for change in brought)
        for taken in self._taken.values():
            yield from taken
        yield from (each.origin.commit for each in self._same if each.origin.commit)

    def finding(
        self, commits: dict[str, Commit], holders: dict[tuple[str, str], tuple[str, ...]], refs: Sequence[Ref]
    ) -> Finding:
        """The finding where it was first committed, with all exposures, oldest first."""
        exposures = []
        for path, brought in self._brought.items():
            blobs = ("", *self._by_blob)
            held = {ref for blob in blobs for ref in holders.get((path, blob or ""), ())}
            exposures.append(
                Exposure(
                    path=path,
                    introduced=_by_date(commits[change.commit] for change in brought),
                    removed=_by_date(commits[commit] for commit in self._taken.get(path, ())),
                    refs=tuple(ref.name for ref in refs if ref.name in held),
                )
            )
        exposures += self._in_messages(commits, refs)
        exposures.sort(key=lambda each: (_age(each.introduced), each.path))
        first = self._first(exposures)
        return replace(first, exposures=tuple(exposures))

    def _in_messages(self, commits: dict[str, Commit], refs: Sequence[Ref]) -> Iterator[Exposure]:
        said = [each.origin.commit for each in self._same if each.origin.source is Source.COMMIT_MESSAGE]
        if said:
            yield Exposure("(commit message)", _by_date(commits[each] for each in said if each))
        for each in self._same:
            if each.origin.source is Source.TAG_MESSAGE:
                names = tuple(ref.name for ref in refs if ref.object_id == each.origin.blob)
                yield Exposure("(tag message)", refs=names)

    def _first(self, exposures: Sequence[Exposure]) -> Finding:
        """The version of the finding that was committed first, and where it stood then."""
        if not exposures or not exposures[0].introduced:
            finding = self._same[0]
            where = f"(object {(finding.origin.blob or finding.origin.commit or '')[:12]})"
            return replace(finding, origin=replace(finding.origin, path=finding.origin.path or where))
        path, commit = exposures[0].path, exposures[0].introduced[0].id
        for change in self._brought.get(path, ()):
            if change.commit == commit:
                finding = self._by_blob.get(change.after, self._same[0])
                return replace(finding, origin=replace(finding.origin, path=path, commit=commit))
        finding = next(each for each in self._same if each.origin.commit == commit)
        return replace(finding, origin=replace(finding.origin, path=path))


def _by_date(commits: Iterable[Commit]) -> tuple[Commit, ...]:
    return tuple(sorted(commits, key=lambda each: (each.date is None, each.date, each.id)))


def _age(commits: Sequence[Commit]) -> tuple[bool, str]:
    date = commits[0].date if commits else None
    return date is None, date.isoformat() if date else ""
