"""Several scans as one result, and what is new in one since another."""

from __future__ import annotations

from collections.abc import Sequence

from keysweep.findings import Accounting, Finding, Problem, ScanResult
from keysweep.frozen import frozen, replace


@frozen
class Scanned:
    """One scan, and what it was of."""

    result: ScanResult
    of: str
    """The repository or directory; empty where the file does not say."""


@frozen
class Comparison:
    """What became of findings between an older scan and a newer one, told apart by their fingerprints."""

    new: tuple[Finding, ...]
    still_there: tuple[Finding, ...]
    gone: tuple[Finding, ...]
    """As the older scan had them."""


def together(scans: Sequence[Scanned]) -> ScanResult:
    """All findings and problems; where there are several scans, each says what it was of in front of its paths.

    A leak that is in two scans is in both repositories, and so it stays twice.
    """
    if len(scans) == 1:
        return scans[0].result
    findings = [_placed(finding, each.of) for each in scans for finding in each.result.findings]
    problems = [_said(problem, each.of) for each in scans for problem in each.result.problems]
    suppressed = [
        replace(
            silent,
            finding=silent.finding and _placed(silent.finding, each.of),
            problem=silent.problem and _said(silent.problem, each.of),
        )
        for each in scans
        for silent in each.result.suppressed
    ]
    counted = [each.result.objects for each in scans if each.result.objects]
    return ScanResult(
        tuple(dict.fromkeys(findings)),
        tuple(dict.fromkeys(problems)),
        sum(each.result.scanned_bytes for each in scans),
        sum(each.result.scanned_items for each in scans),
        Accounting(
            sum(each.listed for each in counted),
            sum(each.scanned for each in counted),
            sum(each.skipped for each in counted),
            sum(each.earlier for each in counted),
        )
        if counted
        else None,
        tuple(f"{each.of}: {note}" if each.of else note for each in scans for note in each.result.notes),
        tuple(dict.fromkeys(suppressed)),
        tuple(
            replace(place, origin=replace(place.origin, path=_path(place.origin.path, each.of)))
            for each in scans
            for place in each.result.weak or ()
        )
        if any(each.result.weak is not None for each in scans)
        else None,
    )


def compared(newer: ScanResult, older: ScanResult) -> Comparison:
    """What is new, still there, and gone."""
    before = {each.fingerprint for each in older.findings}
    now = {each.fingerprint for each in newer.findings}
    return Comparison(
        tuple(each for each in newer.findings if each.fingerprint not in before),
        tuple(each for each in newer.findings if each.fingerprint in before),
        tuple(each for each in older.findings if each.fingerprint not in now),
    )


def _placed(finding: Finding, of: str) -> Finding:
    parts = tuple(
        replace(part, origin=replace(part.origin, path=_path(part.origin.path, of))) if part.origin else part
        for part in finding.parts
    )
    return replace(finding, origin=replace(finding.origin, path=_path(finding.origin.path, of)), parts=parts)


def _said(problem: Problem, of: str) -> Problem:
    if problem.origin:
        return replace(problem, origin=replace(problem.origin, path=_path(problem.origin.path, of)))
    return replace(problem, message=f"{of}: {problem.message}" if of else problem.message)


def _path(path: str, of: str) -> str:
    return f"{of.rstrip('/')}/{path}" if of else path
