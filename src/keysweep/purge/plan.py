"""A plan: of each leak where it stands in history, and what takes it out of there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from keysweep import git
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Finding, Problem, ProblemCode
from keysweep.frozen import frozen
from keysweep.purge.expressions import in_order
from keysweep.purge.reached import refs_reaching
from keysweep.purge.stored import values_of
from keysweep.purge.surroundings import Surroundings, look_around
from keysweep.purge.ways import Means, Seen, Stands, Way, left_in, seen_in, way_out
from keysweep.sources.diffs import Change
from keysweep.sources.history.copies import Copies
from keysweep.sources.history.placing.commits import list_commits
from keysweep.sources.history.placing.log import logged_changes
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.windows import WINDOW_BYTES

_EVERY = 50
"""Objects between two words about how far it is."""


@frozen
class Copy:
    """A leak in objects that are alike: where they stand, how it is written there, and what takes it out."""

    way: Way
    stands: Stands
    how: str
    paths: tuple[str, ...]
    """Empty for messages, and for what no commit holds."""
    objects: tuple[str, ...]
    why: str = ""
    """Why it is not replaced where it stands."""


@frozen
class Leak:
    """One credential in history."""

    finding: Finding
    copies: tuple[Copy, ...]
    refs: tuple[str, ...]
    """From which it can be reached, in whichever commit; empty where only the database still has it."""


@frozen
class Plan:
    """Everything that has to be known to rewrite a history."""

    leaks: tuple[Leak, ...]
    text: tuple[bytes, ...] = ()
    """What is replaced in files and messages, in order. Secret."""
    names: tuple[bytes, ...] = ()
    """What is replaced in the names of files. Secret."""
    blobs: tuple[str, ...] = ()
    """The versions of files that go as a whole."""
    around: Surroundings = Surroundings()
    problems: tuple[Problem, ...] = ()

    @property
    def refs(self) -> tuple[str, ...]:
        """All that lead to a leak."""
        return tuple(sorted({ref for leak in self.leaks for ref in leak.refs}))

    def has(self, way: Way) -> bool:
        """Whether some copy is taken out this way."""
        return any(copy.way is way for leak in self.leaks for copy in leak.copies)


def plan_purge(
    repository: str,
    copies: Copies,
    findings: Sequence[Finding],
    limits: Limits,
    options: Options,
    on_progress: OnProgress | None = None,
) -> Plan:
    """What takes `findings`, which are some of the leaks in `copies`, out of the history of a repository."""
    around = look_around(repository)
    if not findings:
        return Plan((), around=around)
    leaks = frozenset(each.fingerprint for each in findings)
    holding: dict[str, set[str]] = defaultdict(set)
    for each in findings:
        for name in copies.objects.get(each.fingerprint, ()):
            holding[name].add(each.fingerprint)
    hash_bytes = len(next(iter(holding), "")) // 2 or 20
    means = Means(limits, Options(True, options.canary_accounts, options.rules), hash_bytes)
    names = sorted(holding)
    seen: list[Seen] = []
    for name, kind, content in _contents(repository, names, on_progress, "reading"):
        seen += seen_in(name, kind, content, frozenset(holding[name]), means)
    stored = [piece for each in seen for piece in each.stored]
    text = in_order([*stored, *(value for each in findings for value in values_of(each))])
    in_names = in_order(piece for each in seen if each.stands is Stands.NAME for piece in each.stored)
    left: dict[str, frozenset[str]] = {}
    for name, kind, content in _contents(repository, names, on_progress, "trying"):
        tried = in_names if kind == "tree" else text
        left[name] = left_in(kind, content, tried, leaks, means)
    told: dict[str, list[tuple[Seen, Way, str]]] = defaultdict(list)
    for one in seen:
        told[one.fingerprint].append((one, *way_out(one, left.get(one.object_id, frozenset()))))
    named = _changes_of_names(repository, {each.name for each in seen if each.name})
    brought = [_brought(each, told[each.fingerprint], named) for each in findings]
    refs = refs_reaching(repository, brought)
    return Plan(
        tuple(
            Leak(each, tuple(_copies(told[each.fingerprint], copies, named)), _with_tags(each, reaching))
            for each, reaching in zip(findings, refs, strict=True)
        ),
        text,
        in_names,
        tuple(sorted({each.object_id for some in told.values() for each, way, _ in some if way is Way.STRIP})),
        around,
        tuple(_unread(names, {each.object_id for each in seen})),
    )


def _unread(names: Sequence[str], seen: Collection[str]) -> Iterator[Problem]:
    for name in names:
        if name not in seen:
            message = f"object {name} could not be read again: what it holds is not planned for"
            yield Problem(ProblemCode.MISSING_OBJECT, message)


def _contents(
    repository: str, names: Sequence[str], on_progress: OnProgress | None, phase: str
) -> Iterator[tuple[str, str, bytes]]:
    """Each object that is there, with its type and its content."""
    with git.Objects(repository) as objects:
        for number, (name, answer) in enumerate(zip(names, objects.read_all(names, WINDOW_BYTES), strict=True)):
            if on_progress and number % _EVERY == 0:
                on_progress(Progress(phase, number, len(names)))
            if answer[0] != git.MISSING:
                yield name, *answer


def _changes_of_names(repository: str, names: set[str]) -> Sequence[Change]:
    """The changes to files with one of `names` in their paths."""
    return logged_changes(repository, list_commits(repository), 1, set(), names)[0] if names else ()


def _copies(told: Sequence[tuple[Seen, Way, str]], copies: Copies, named: Sequence[Change]) -> Iterator[Copy]:
    """What is alike together."""
    alike: dict[tuple[Way, Stands, str, str], dict[str, None]] = defaultdict(dict)
    for seen, way, why in told:
        alike[way, seen.stands, seen.how, why][seen.object_id] = None
    for (way, stands, how, why), objects in alike.items():
        if stands is Stands.NAME:
            paths = {change.path for change in _own(told, named)}
        else:
            paths = {path for name in objects for path in copies.paths.get(name, ())}
        yield Copy(way, stands, how, tuple(sorted(paths)), tuple(objects), why)


def _own(told: Sequence[tuple[Seen, Way, str]], named: Sequence[Change]) -> list[Change]:
    """The changes that brought a name of this leak."""
    own = {seen.name for seen, _, _ in told if seen.name}
    return [change for change in named if change.after and any(name in change.path for name in own)]


def _brought(finding: Finding, told: Sequence[tuple[Seen, Way, str]], named: Sequence[Change]) -> list[str]:
    """The commits that brought a leak: every history that has it has one of them."""
    commits = [commit.id for each in finding.exposures for commit in each.introduced]
    return list(dict.fromkeys((*commits, *(change.commit for change in _own(told, named)))))


def _with_tags(finding: Finding, reaching: Sequence[str]) -> tuple[str, ...]:
    """These refs, and the tags in whose message it stands."""
    own = {ref for each in finding.exposures if not each.introduced for ref in each.refs if ref != "HEAD"}
    return tuple(sorted({*reaching, *own}))
