"""What `keysweep triage` asks about: every leak once, the worst first, with all the places where it stands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from keysweep.cli.known import is_findings_file, scan_for_baseline
from keysweep.errors import IncompleteError
from keysweep.findings import INTERRUPTED, Finding, Silencer
from keysweep.frozen import frozen
from keysweep.report.entries import ordered
from keysweep.suppress.policy import apply, seen_from
from keysweep.verdicts import Status

_PRESSING = (Status.LIVE,)
_HARMLESS = (Status.DEAD, Status.EXPIRED, Status.INACTIVE)


@frozen
class Case:
    """One credential to decide on."""

    same: tuple[Finding, ...]
    """Every finding of it; the first is the one worth showing. Never empty."""
    path: str
    """Where the first stands, as an entry of the baseline names it."""

    @property
    def fingerprint(self) -> str:
        """What the baseline knows it by."""
        return self.same[0].fingerprint


@frozen
class Cases:
    """All there are."""

    cases: tuple[Case, ...]
    complete: bool
    """Whether everything could be scanned."""


def gathered(paths: tuple[str, ...], history: bool, config: Path | None) -> Cases:
    """Those of the one findings file in `paths`, or else of a scan of them; also what the baseline accepts.

    Raises IncompleteError where somebody stopped the scan.
    """
    if is_findings_file(paths, history):
        from keysweep.report.read import read
        from keysweep.report.recorded import result_of

        result = read(paths[0], result_of)
        accepted = [each.finding for each in result.suppressed if each.by is Silencer.BASELINE and each.finding]
        return Cases(_cases((*result.findings, *accepted), None), not result.problems)
    from keysweep.report.hidden import without_secrets

    scanned = scan_for_baseline(paths, history, config)
    if INTERRUPTED in scanned.result.problems:
        raise IncompleteError("interrupted before everything was scanned: nothing was asked.")
    root = os.fspath(scanned.root)
    kept, _ = apply(scanned.result, scanned.settings, root)
    return Cases(_cases(without_secrets(kept).findings, root), not kept.problems)


def _cases(findings: Iterable[Finding], root: str | None) -> tuple[Case, ...]:
    groups: dict[str, list[Finding]] = {}
    for finding in ordered(findings):
        groups.setdefault(finding.fingerprint, []).append(finding)
    cases = [Case(tuple(same), seen_from(root, same[0].origin)) for same in groups.values()]
    return tuple(sorted(cases, key=lambda case: _rank(case.same)))


def _rank(same: Sequence[Finding]) -> int:
    """Live keys come first, and what AWS says is dead last; between them by severity, as they are."""
    known = {each.verdict.status for each in same if each.verdict}
    return 0 if known.intersection(_PRESSING) else 2 if known.intersection(_HARMLESS) else 1
