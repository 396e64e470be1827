"""Which commits, paths and refs a leak stands in; asked of git, and only for what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from keysweep import git
from keysweep.findings import Commit, Exposure, Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.history.commits import read_commits
from keysweep.sources.history.refs import Ref, list_refs, refs_with

_LOG = (
    "log",
    "--raw",
    "-c",
    "--root",
    "--no-renames",
    "--no-abbrev",
    "--no-ext-diff",
    "--no-textconv",
    "--no-mailmap",
    "-z",
    "--format=%x01%H",
    "--no-walk=unsorted",
    "--stdin",
)
"""Each commit it is told with what it changes; a merge only where it differs from all its parents."""
_MOST_PLACED_BYTES = 64 << 20
_READ_BYTES = 1 << 20


@frozen
class _Change:
    """One path that one commit changes."""

    commit: str
    path: str
    before: frozenset[str]
    """The blobs that stood there in the parents."""
    after: str


def attribute(
    repository: str,
    findings: Sequence[Finding],
    commits: Sequence[str],
    jobs: int,
    rescan: Callable[[bytes, Origin], ScanResult],
) -> tuple[tuple[Finding, ...], tuple[Problem, ...]]:
    """One finding for each leak, with every path it stood under and the commits that brought and took it.

    `commits` are all that there are, reached by a ref or not, about in the order of history; `jobs` gits are asked
    of a part of them each. `rescan` scans one object again, because lines and offsets of `findings` may be those
    of another version.

    What no commit holds keeps no exposure: it is in an object that only the database knows of. Damage that keeps
    git from telling is a problem, and everything else is told nevertheless.
    """
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.fingerprint].append(finding)
    blobs = {finding.origin.blob for finding in findings if _is_blob(finding)}
    names = {finding.origin.path for finding in findings if _is_name(finding)}
    problems: list[Problem] = []
    changes: list[_Change] = []
    if blobs or names:
        changes = _changes(repository, commits, jobs, {blob for blob in blobs if blob}, names, problems)
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

    def __init__(self, same: Sequence[Finding], changes: Iterable[_Change]) -> None:
        self._same = same
        self._by_blob = {finding.origin.blob: finding for finding in same if _is_blob(finding)}
        self._names = frozenset(finding.origin.path for finding in same if _is_name(finding))
        self._brought: dict[str, list[_Change]] = defaultdict(list)
        self._taken: dict[str, list[str]] = defaultdict(list)
        for change in changes:
            named = any(name in change.path for name in self._names)
            now = change.after in self._by_blob or (named and _exists(change.after))
            before = any(blob in self._by_blob or (named and _exists(blob)) for blob in change.before)
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


def _exists(blob: str) -> bool:
    return bool(blob.strip("0"))


def _by_date(commits: Iterable[Commit]) -> tuple[Commit, ...]:
    return tuple(sorted(commits, key=lambda each: (each.date is None, each.date, each.id)))


def _age(commits: Sequence[Commit]) -> tuple[bool, str]:
    date = commits[0].date if commits else None
    return date is None, date.isoformat() if date else ""


def _changes(
    repository: str,
    commits: Sequence[str],
    jobs: int,
    blobs: set[str],
    names: set[str],
    problems: list[Problem],
) -> list[_Change]:
    """Every change of history that has one of `blobs` before or after it, or one of `names` in its path."""
    share = max(1, -(-len(commits) // jobs))
    parts = [commits[at : at + share] for at in range(0, len(commits), share)]
    with ThreadPoolExecutor(max(1, len(parts))) as threads:
        told = list(threads.map(lambda part: _told(repository, part, blobs, names), parts))
    if not all(complete for _, complete in told):
        message = "git could not tell all of which commits hold what was found; `git fsck` says why"
        problems.append(Problem(ProblemCode.DAMAGED, message))
    return [change for changes, _ in told for change in changes]


def _told(repository: str, commits: Sequence[str], blobs: set[str], names: set[str]) -> tuple[list[_Change], bool]:
    """The changes of some commits, and whether git told them all."""
    wanted = {blob.encode("ascii") for blob in blobs}
    parts = [name.encode("utf-8", "surrogateescape") for name in names]
    found: list[_Change] = []
    commit = b""
    with git.Stream(_LOG, repository, "".join(f"{each}\n" for each in commits).encode("ascii")) as log:
        fields = _fields(log)
        for field in (each.removeprefix(b"\n") for each in fields):
            if field[:1] == b"\1":
                commit = field[1:]
            elif field[:1] == b":":
                path = next(fields, b"")
                ids = _object_ids(field)
                if not wanted.isdisjoint(ids) or any(part in path for part in parts):
                    before = frozenset(each.decode("ascii") for each in ids[:-1])
                    where = path.decode("utf-8", "surrogateescape")
                    found.append(_Change(commit.decode("ascii"), where, before, ids[-1].decode("ascii")))
    return found, log.ended_well


def _object_ids(field: bytes) -> list[bytes]:
    """The IDs of `:mode mode id id S`, or of `::mode mode mode id id id SS` with more parents."""
    parents = len(field) - len(field.lstrip(b":"))
    columns = field.split(b" ")
    return columns[parents + 1 : 2 * parents + 2]


def _fields(log: git.Stream) -> Iterator[bytes]:
    """What stands between zeros."""
    rest = b""
    while piece := log.read(_READ_BYTES):
        fields = (rest + piece).split(b"\0")
        rest = fields.pop()
        yield from fields
    if rest:
        yield rest
