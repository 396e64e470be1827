"""What the configuration says does not count; it is dropped, but always counted."""

from __future__ import annotations

import os

from keysweep.findings import Finding, Origin, ScanResult, Source
from keysweep.frozen import replace
from keysweep.settings import Settings


def apply(result: ScanResult, settings: Settings, base: str | None = None) -> tuple[ScanResult, int]:
    """Split off allowed and too uncertain findings, and findings and problems of excluded paths.

    Paths of files are compared as seen from the directory `base`, as those in a repository always are.
    Returns the rest and how many were split off.
    """

    def excluded(origin: Origin | None) -> bool:
        if origin is None or not settings.exclude:
            return False
        path = _seen_from(base, origin)
        return any(_matches(path, pattern) for pattern in settings.exclude)

    def suppressed(finding: Finding) -> bool:
        return (
            finding.fingerprint in (settings.allow or {})
            or finding.confidence < settings.min_confidence
            or excluded(finding.origin)
        )

    findings = tuple(each for each in result.findings if not suppressed(each))
    problems = tuple(each for each in result.problems if not excluded(each.origin))
    dropped = len(result.findings) - len(findings) + len(result.problems) - len(problems)
    return replace(result, findings=findings, problems=problems), dropped


def _seen_from(base: str | None, origin: Origin) -> str:
    if base is None or origin.source is not Source.FILE:
        return origin.path
    directory, name = os.path.split(os.path.abspath(origin.path))
    relative = os.path.relpath(os.path.join(os.path.realpath(directory), name), os.path.realpath(base))
    return origin.path if relative.startswith(os.pardir) else relative.replace(os.sep, "/")


def _matches(path: str, pattern: str) -> bool:
    """Globs as people expect: `docs/` is everything below, `*.md` is at any depth."""
    import fnmatch

    path = path.removeprefix("./")
    if pattern.endswith("/"):
        return f"/{path}".find(f"/{pattern.lstrip('/')}") >= 0
    if "/" not in pattern:
        return fnmatch.fnmatchcase(path.rsplit("/", 1)[-1], pattern)
    return fnmatch.fnmatchcase(path, pattern.lstrip("/"))
