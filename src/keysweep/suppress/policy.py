"""Which findings do not count, by configuration, baseline and pragmas; they are dropped, but always told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import date

from keysweep.detect.pragmas import allowing
from keysweep.findings import Finding, Origin, Pragma, ScanResult, Silencer, Source, Suppressed
from keysweep.frozen import replace
from keysweep.settings import Settings
from keysweep.suppress.lapse import lapse, today

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.suppress.baseline import Entry

Heeds = Callable[[Finding, Pragma], bool]
"""Whether a pragma is to be taken for what it says."""


def heeds_all(_: Finding, __: Pragma) -> bool:
    """Take every pragma for what it says."""
    return True


def apply(
    result: ScanResult,
    settings: Settings,
    base: str | None = None,
    *,
    baseline: Mapping[str, Entry] | None = None,
    heeds: Heeds = heeds_all,
    now: date | None = None,
) -> tuple[ScanResult, int]:
    """Split off what is allowed and what is too uncertain, and findings and problems of excluded paths.

    Paths of files are compared as seen from the directory `base`, as those in a repository always are. What was
    allowed once and is no more says so among its reasons. Returns the rest, which holds what was split off as
    `suppressed`, and how many that are.
    """
    day = now or today()

    def excluding(origin: Origin | None) -> str | None:
        if origin is None or not settings.exclude:
            return None
        path = seen_from(base, origin)
        return next((pattern for pattern in settings.exclude if _matches(path, pattern)), None)

    def excluding_all(finding: Finding) -> str | None:
        """A pair may stand in two files, and in history a leak under other paths too: all have to be excluded."""
        others = [replace(finding.origin, path=each.path) for each in finding.exposures]
        others += [part.origin for part in finding.parts if part.origin]
        return excluding(finding.origin) if all(map(excluding, others)) else None

    findings: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in result.findings:
        silenced, notes = _allowed(finding, settings, baseline or {}, heeds, day)
        if silenced is None and (pattern := excluding_all(finding)):
            silenced = Suppressed(Silencer.EXCLUDE, pattern)
        if silenced is None and finding.confidence < settings.min_confidence:
            silenced = Suppressed(Silencer.CONFIDENCE, f"confidence {finding.confidence.label}")
        if silenced is None:
            findings.append(replace(finding, reasons=(*finding.reasons, *notes)) if notes else finding)
        else:
            suppressed.append(replace(silenced, finding=finding))
    problems = []
    for problem in result.problems:
        if pattern := excluding(problem.origin):
            suppressed.append(Suppressed(Silencer.EXCLUDE, pattern, problem=problem))
        else:
            problems.append(problem)
    weak = result.weak
    if weak is not None:
        counting = {each.fingerprint for each in findings}
        weak = tuple(
            each
            for each in weak
            if not excluding(each.origin) and (not each.fingerprints or counting.intersection(each.fingerprints))
        )
    kept = replace(
        result, findings=tuple(findings), problems=tuple(problems), suppressed=tuple(suppressed), weak=weak
    )
    return kept, len(suppressed)


def _allowed(
    finding: Finding, settings: Settings, baseline: Mapping[str, Entry], heeds: Heeds, now: date
) -> tuple[Suppressed | None, list[str]]:
    """What allows a finding, or else what would have."""
    if settings.allow and finding.fingerprint in settings.allow:
        return Suppressed(Silencer.ALLOW, settings.allow[finding.fingerprint]), []
    notes = []
    if entry := baseline.get(finding.fingerprint):
        why_not = lapse(entry.until, now)
        if why_not is None:
            return Suppressed(Silencer.BASELINE, entry.reason, entry.owner, entry.until), []
        notes.append(f"its entry in the baseline, of {entry.owner}, {why_not}")
    if pragma := allowing(finding):
        why_not = lapse(pragma.until, now)
        if why_not is None and not heeds(finding, pragma):
            why_not = "is not taken: it came with what it would allow"
        if why_not is None:
            return Suppressed(Silencer.PRAGMA, pragma.reason, until=pragma.until), []
        notes.append(f"the `{pragma.marker}` next to it {why_not}")
    return None, notes


def seen_from(base: str | None, origin: Origin) -> str:
    """The path of an origin as a configuration in the directory `base` names it."""
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
