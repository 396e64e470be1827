"""What can still be told of a damaged repository or an interrupted scan: where objects stood, what was found."""

from __future__ import annotations

from collections.abc import Sequence

from keysweep import git
from keysweep.findings import Finding, Origin, Problem, Source
from keysweep.frozen import replace

_MOST_LOCATED = 20
"""Each takes git a walk through the history of its path."""
_READ_BYTES = 1 << 20


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


def located(repository: str, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The problems, with a path under which each object stood and the commit that brought it, if git can tell."""
    blobs = {each.origin.blob for each in problems if each.origin is not None and _has_no_path(each.origin)}
    wanted = {blob for blob in blobs if blob}
    if not wanted:
        return tuple(problems)
    paths = _paths(repository, wanted)
    commits = {blob: _commit(repository, blob, paths[blob]) for blob in sorted(paths)[:_MOST_LOCATED]}
    return tuple(_located(each, paths, commits) for each in problems)


def _has_no_path(origin: Origin) -> bool:
    return origin.source is Source.HISTORY and not origin.path


def _located(problem: Problem, paths: dict[str, str], commits: dict[str, str | None]) -> Problem:
    origin = problem.origin
    if origin is None or not _has_no_path(origin):
        return problem
    blob = origin.blob or ""
    path = paths.get(blob) or _nameless(origin)
    return replace(problem, origin=replace(origin, path=path, commit=commits.get(blob)))


def _paths(repository: str, wanted: set[str]) -> dict[str, str]:
    """A path for each of the blobs that a ref reaches, as far as trees can be read."""
    found: dict[str, str] = {}
    rest = b""
    arguments = ("rev-list", "--objects", "--all", "--reflog", "--missing=allow-any", "--in-commit-order")
    with git.Stream(arguments, repository) as listing:
        while len(found) < len(wanted) and (piece := listing.read(_READ_BYTES)):
            lines = (rest + piece).split(b"\n")
            rest = lines.pop()
            for line in lines:
                name, _, path = line.partition(b" ")
                if path and (blob := name.decode("ascii", "replace")) in wanted:
                    found.setdefault(blob, path.decode("utf-8", "surrogateescape"))
    return found


def _commit(repository: str, blob: str, path: str) -> str | None:
    """The first commit that has the blob under the path."""
    arguments = ("log", "--all", "--reflog", "--no-renames", "--format=%H", f"--find-object={blob}", "--", path)
    commits = (git.answer(arguments, repository) or b"").split()
    return commits[-1].decode("ascii") if commits else None
