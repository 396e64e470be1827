"""Which commits, paths and refs a leak stands in; asked only for what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from keysweep import git
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.pragmas import allowing, marked
from keysweep.errors import GitError
from keysweep.findings import Finding, Origin, Problem, ProblemCode
from keysweep.frozen import replace
from keysweep.sources.diffs import Change
from keysweep.sources.history.placing.commits import read_commits
from keysweep.sources.history.placing.damage import unattributed
from keysweep.sources.history.placing.leaks import Leak, blobs_of, is_name, names_of, object_of
from keysweep.sources.history.placing.refs import list_refs, refs_with
from keysweep.sources.windows import WINDOW_BYTES, scan_in_memory


def attributed(
    repository: str,
    findings: Sequence[Finding],
    changes: Sequence[Change],
    rescan: Callable[[str, bytes], Sequence[Finding]],
) -> tuple[tuple[Finding, ...], tuple[Problem, ...]]:
    """What `attribute` says, in order; where git fails or somebody interrupts, each leak, and why that is all."""
    if not findings:
        return (), ()
    try:
        return in_order(attribute(repository, findings, changes, rescan)), ()
    except (KeyboardInterrupt, GitError, OSError) as error:
        return in_order(unattributed(findings)), (untold(error),)


def rescanning(limits: Limits, options: Options) -> Callable[[str, bytes], Sequence[Finding]]:
    """What scans an object by its ID and content, each once however often it is asked about."""
    read: dict[str, tuple[Finding, ...]] = {}

    def rescan(name: str, content: bytes) -> tuple[Finding, ...]:
        if name not in read:
            read[name] = scan_in_memory(content, Origin(""), limits, options).findings
        return read[name]

    return rescan


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Workers bring results in any order, and two reports of the same repository should not differ by that."""
    return tuple(sorted(findings, key=lambda each: (each.origin.path, each.place.line, each.fingerprint)))


def untold(error: BaseException) -> Problem:
    """Why findings stand without the commits that hold them."""
    if isinstance(error, KeyboardInterrupt):
        message = "interrupted before git had told which commits hold what was found"
        return Problem(ProblemCode.INTERRUPTED, message)
    return Problem(ProblemCode.UNREADABLE, f"git could not tell which commits hold what was found: {error}")


def attribute(
    repository: str,
    findings: Sequence[Finding],
    changes: Sequence[Change],
    rescan: Callable[[str, bytes], Sequence[Finding]],
) -> tuple[Finding, ...]:
    """One finding for each leak, with every path it stood under and the commits that brought and took it.

    `changes` are those of history with one of the blobs of `findings` before or after them, or one of their names
    in the path. `rescan` gives the findings of one object, by its ID and content, because lines and offsets of
    `findings` may be those of another version.

    What no commit holds keeps no exposure: it is in an object that only the database knows of.
    """
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.fingerprint].append(finding)
    refs = list_refs(repository)
    leaks = [_leak(same, changes) for same in groups.values()]
    holders = refs_with(repository, refs, {place for leak in leaks for place in _places(leak)})
    shown = read_commits(repository, {commit for leak in leaks for commit in leak.commits()})
    attributed = [leak.finding(shown, _held(leak, holders), refs) for leak in leaks]
    with git.Objects(repository) as objects:
        return tuple(_placed(finding, objects, rescan) for finding in attributed)


def _placed(finding: Finding, objects: git.Objects, rescan: Callable[[str, bytes], Sequence[Finding]]) -> Finding:
    """The finding with the lines and offsets of the very object it is told of."""
    if is_name(finding):
        return finding
    name = object_of(finding.origin)
    kind, content = objects.read(name, WINDOW_BYTES)
    if kind in (git.MISSING, git.TOO_LARGE):
        return finding
    same = next((each for each in rescan(name, content) if each.fingerprint == finding.fingerprint), None)
    if same is None:
        return finding
    origin = replace(finding.origin, members=same.origin.members)
    return marked(replace(same, origin=origin, exposures=finding.exposures), allowing(finding))


def _leak(same: Sequence[Finding], changes: Iterable[Change]) -> Leak:
    """What brought and what took one credential, by the versions in which it was found."""
    blobs, names = blobs_of(same), names_of(same)
    brought: dict[str, list[tuple[str, str]]] = defaultdict(list)
    taken: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        named = any(name in change.path for name in names)
        now = change.after in blobs or (named and bool(change.after))
        before = any(blob in blobs or (named and bool(blob)) for blob in change.before)
        if now and not before:
            brought[change.path].append((change.commit, change.after))
        elif before and not now:
            taken[change.path].append(change.commit)
    return Leak(tuple(same), brought, taken)


def _places(leak: Leak) -> Iterator[tuple[str, str]]:
    """(path, blob) of every version with the leak; the blob is empty where the name is the leak."""
    blobs, names = blobs_of(leak.same), names_of(leak.same)
    for path in leak.brought:
        if any(name in path for name in names):
            yield path, ""
        yield from ((path, blob) for blob in blobs)


def _held(leak: Leak, holders: Mapping[tuple[str, str], Sequence[str]]) -> dict[str, set[str]]:
    """The refs that still have it, by path."""
    held: dict[str, set[str]] = defaultdict(set)
    for path, blob in _places(leak):
        held[path].update(holders.get((path, blob), ()))
    return held
