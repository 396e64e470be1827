"""What the configuration says does not count; it is dropped, but always counted."""

from __future__ import annotations

import fnmatch
from dataclasses import replace

from keysweep.config import Settings
from keysweep.findings import Finding, ScanResult


def apply(result: ScanResult, settings: Settings) -> tuple[ScanResult, int]:
    """Split off allowed, excluded and too uncertain findings; returns the rest and how many were split off."""
    kept = tuple(finding for finding in result.findings if not _is_suppressed(finding, settings))
    return replace(result, findings=kept), len(result.findings) - len(kept)


def _is_suppressed(finding: Finding, settings: Settings) -> bool:
    return (
        finding.fingerprint in (settings.allow or {})
        or finding.confidence < settings.min_confidence
        or any(_matches(finding.origin.path, pattern) for pattern in settings.exclude)
    )


def _matches(path: str, pattern: str) -> bool:
    """Globs as people expect: `docs/` is everything below, `*.md` is at any depth."""
    path = path.removeprefix("./")
    if pattern.endswith("/"):
        return f"/{path}".find(f"/{pattern.lstrip('/')}") >= 0
    if "/" not in pattern:
        return fnmatch.fnmatchcase(path.rsplit("/", 1)[-1], pattern)
    return fnmatch.fnmatchcase(path, pattern.lstrip("/"))
