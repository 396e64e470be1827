"""What can still be told of a damaged repository or an interrupted scan: where objects stood, what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from keysweep.detect.pragmas import allowing_all, marked
from keysweep.findings import Finding, Origin, Problem, Source
from keysweep.frozen import replace
from keysweep.sources.diffs import Change
from keysweep.sources.history.placing.leaks import named_by_object, nameless


def unattributed(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One finding for each leak, named after the object that it was found in first."""
    same: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        same[finding.fingerprint].append(finding)
    return tuple(marked(named_by_object(each[0]), allowing_all(each)) for each in same.values())


def blobs_without_place(problems: Sequence[Problem]) -> set[str]:
    """The blobs of which only the ID is known."""
    origins = [each.origin for each in problems]
    return {origin.blob for origin in origins if origin is not None and origin.blob and _has_no_path(origin)}


def located(problems: Sequence[Problem], changes: Sequence[Change]) -> tuple[Problem, ...]:
    """The problems, with a path under which each object stood and a commit that brought it, if any did."""
    brought = {change.after: change for change in changes}
    return tuple(_located(each, brought) for each in problems)


def _has_no_path(origin: Origin) -> bool:
    return origin.source is Source.HISTORY and not origin.path


def _located(problem: Problem, brought: Mapping[str, Change]) -> Problem:
    origin = problem.origin
    if origin is None or not _has_no_path(origin):
        return problem
    change = brought.get(origin.blob or "")
    path, commit = (change.path, change.commit) if change else (nameless(origin), None)
    return replace(problem, origin=replace(origin, path=path, commit=commit))
