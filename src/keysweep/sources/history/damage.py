"""What can still be told of a damaged repository or an interrupted scan: where objects stood, what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from keysweep.findings import Finding, Origin, Problem, Source
from keysweep.frozen import replace
from keysweep.sources.history.changes import Change


def unattributed(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One finding for each leak, named after the object that it was found in first."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.fingerprint, finding)
    return tuple(_named(finding) for finding in first.values())


def _named(finding: Finding) -> Finding:
    return replace(finding, origin=replace(finding.origin, path=finding.origin.path or _nameless(finding.origin)))


def _nameless(origin: Origin) -> str:
    return f"(object {(origin.blob or origin.commit or '')[:12]})"


def located(
    problems: Sequence[Problem], find_changes: Callable[[set[str], set[str]], tuple[Sequence[Change], bool]]
) -> tuple[Problem, ...]:
    """The problems, with a path under which each object stood and a commit that brought it, if any did."""
    blobs = {each.origin.blob for each in problems if each.origin is not None and _has_no_path(each.origin)}
    wanted = {blob for blob in blobs if blob}
    if not wanted:
        return tuple(problems)
    changes, _ = find_changes(wanted, set())
    brought = {change.after: change for change in changes}
    return tuple(_located(each, brought) for each in problems)


def _has_no_path(origin: Origin) -> bool:
    return origin.source is Source.HISTORY and not origin.path


def _located(problem: Problem, brought: Mapping[str, Change]) -> Problem:
    origin = problem.origin
    if origin is None or not _has_no_path(origin):
        return problem
    change = brought.get(origin.blob or "")
    path, commit = (change.path, change.commit) if change else (_nameless(origin), None)
    return replace(problem, origin=replace(origin, path=path, commit=commit))
