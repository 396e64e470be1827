"""One leaked credential with its story: the commits that brought and took it, and the refs that still have it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from keysweep.detect.pragmas import allowing_all, marked
from keysweep.findings import Commit, Exposure, Finding, Origin, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.history.placing.refs import Ref


@frozen
class Leak:
    """One credential, and everything in history that concerns it."""

    same: tuple[Finding, ...]
    """Its findings, each in one version of a file, one message, or one name."""
    brought: Mapping[str, Sequence[tuple[str, str]]]
    """By path the commits that brought it, with the blobs that they put there."""
    taken: Mapping[str, Sequence[str]]
    """By path the commits that took it out again."""

    def commits(self) -> Iterator[str]:
        """All commits to be shown."""
        for brought in self.brought.values():
            yield from (commit for commit, _ in brought)
        for path in self.brought:
            yield from self.taken.get(path, ())
        yield from (each.origin.commit for each in self.same if each.origin.commit)

    def finding(
        self, commits: Mapping[str, Commit], held: Mapping[str, Collection[str]], refs: Sequence[Ref]
    ) -> Finding:
        """The finding where it was first committed, with all exposures, oldest first.

        `commits` are those of `commits()` as they are shown, `held` names by path the refs that still have it.
        """
        exposures = [
            Exposure(
                path=path,
                introduced=_by_date(commits[commit] for commit, _ in brought),
                removed=_by_date(commits[commit] for commit in self.taken.get(path, ())),
                refs=tuple(ref.name for ref in refs if ref.name in held.get(path, ())),
            )
            for path, brought in self.brought.items()
        ]
        exposures += self._in_messages(commits, refs)
        exposures.sort(key=lambda each: (_age(each.introduced), each.path))
        told = replace(self._first(exposures), exposures=tuple(exposures))
        return marked(told, allowing_all(self.same))  # a version without a pragma is a leak without one

    def _in_messages(self, commits: Mapping[str, Commit], refs: Sequence[Ref]) -> Iterator[Exposure]:
        said = [each.origin.commit for each in self.same if each.origin.source is Source.COMMIT_MESSAGE]
        if said:
            yield Exposure("(commit message)", _by_date(commits[each] for each in said if each))
        for each in self.same:
            if each.origin.source is Source.TAG_MESSAGE:
                names = tuple(ref.name for ref in refs if ref.object_id == each.origin.blob)
                yield Exposure("(tag message)", refs=names)

    def _first(self, exposures: Sequence[Exposure]) -> Finding:
        """The version of the finding that was committed first, and where it stood then."""
        if not exposures or not exposures[0].introduced:
            return named_by_object(self.same[0])
        path, commit = exposures[0].path, exposures[0].introduced[0].id
        by_blob = {finding.origin.blob: finding for finding in self.same if is_blob(finding)}
        for bringing, blob in self.brought.get(path, ()):
            if bringing == commit:
                finding = by_blob.get(blob, self.same[0])
                return replace(finding, origin=replace(finding.origin, path=path, commit=commit))
        finding = next(each for each in self.same if each.origin.commit == commit)
        return replace(finding, origin=replace(finding.origin, path=path))


def is_name(finding: Finding) -> bool:
    """Whether it stands in the name of a file, not in its content."""
    return finding.origin.source is Source.HISTORY and finding.place.decoding[:1] == ("file name",)


def is_blob(finding: Finding) -> bool:
    """Whether it stands in the content of a file."""
    return finding.origin.source is Source.HISTORY and not is_name(finding)


def blobs_of(findings: Iterable[Finding]) -> set[str]:
    """The blobs in whose content they stand."""
    return {finding.origin.blob for finding in findings if is_blob(finding) and finding.origin.blob}


def names_of(findings: Iterable[Finding]) -> set[str]:
    """The names in which they stand."""
    return {finding.origin.path for finding in findings if is_name(finding)}


def named_by_object(finding: Finding) -> Finding:
    """The finding, with its object for a path where it has none."""
    return replace(finding, origin=replace(finding.origin, path=finding.origin.path or nameless(finding.origin)))


def nameless(origin: Origin) -> str:
    """What to call an object that stands nowhere."""
    return f"(object {object_of(origin)[:12]})"


def object_of(origin: Origin) -> str:
    """The ID of the object."""
    return origin.blob or origin.commit or ""


def _by_date(commits: Iterable[Commit]) -> tuple[Commit, ...]:
    return tuple(sorted(commits, key=lambda each: (each.date is None, each.date, each.id)))


def _age(commits: Sequence[Commit]) -> tuple[bool, str]:
    date = commits[0].date if commits else None
    return date is None, date.isoformat() if date else ""
