"""What the configuration says does not count; it is dropped, but always counted."""

from __future__ import annotations

import fnmatch
from dataclasses import replace

from keysweep.config import Settings
from keysweep.findings import Finding, Origin, ScanResult


def apply(result: ScanResult, settings: Settings) -> tuple[ScanResult, int]:
    """Split off allowed and too uncertain findings, and findings and problems of excluded paths.

    Returns the rest and how many were split off.
    """
    findings = tuple(each for each in result.findings if not _is_suppressed(each, settings))
    problems = tuple(each for each in result.problems if not _is_excluded(each.origin, settings))
    dropped = len(result.findings) - len(findings) + len(result.problems) - len(problems)
    return replace(result, findings=findings, problems=problems), dropped


def _is_suppressed(finding: Finding, settings: Settings) -> bool:
    return (
        finding.fingerprint in (settings.allow or {})
        or finding.confidence < settings.min_confidence
        or _is_excluded(finding.origin, settings)
    )


def _is_excluded(origin: Origin | None, settings: Settings) -> bool:
    return origin is not None and any(_matches(origin.path, pattern) for pattern in settings.exclude)


def _matches(path: str, pattern: str) -> bool:
    """Globs as people expect: `docs/` is everything below, `*.md` is at any depth."""
    path = path.removeprefix("./")
    if pattern.endswith("/"):
        return f"/{path}".find(f"/{pattern.lstrip('/')}") >= 0
    if "/" not in pattern:
        return fnmatch.fnmatchcase(path.rsplit("/", 1)[-1], pattern)
    return fnmatch.fnmatchcase(path, pattern.lstrip("/"))
