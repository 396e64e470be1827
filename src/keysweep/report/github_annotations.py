"""Workflow commands for the log of a GitHub Actions job, which shows them at the lines of the change."""

from __future__ import annotations

from typing import TextIO

from keysweep.findings import Finding, ScanResult, Severity
from keysweep.report.entries import (
    facts,
    failing,
    location,
    ordered,
    ordered_problems,
    safe_for,
    said,
    summary,
    title,
    why,
)
from keysweep.report.severities import LEVELS

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}
"""What the runner undoes in the text, and in the values before it."""


def render(
    result: ScanResult, stream: TextIO, *, fail_on: Severity = Severity.MEDIUM, suppressed: int = 0
) -> None:
    """Write a command for each finding and problem, one a line; the sum comes first.

    GitHub shows the first ten errors, warnings and notices of a step: so the worst come first, and the sum before.
    """
    safe = safe_for(stream)

    def write(command: str, text: str, **properties: str) -> None:
        given = ",".join(f"{name}={_escaped(safe(value), _PROPERTY)}" for name, value in properties.items())
        stream.write(f"::{command} {given}::{_escaped(safe(text), _DATA)}\n")

    worst = "error" if failing(result, fail_on) else "warning" if result.findings or result.problems else "notice"
    write(worst, "; ".join((summary(result, fail_on, suppressed), *result.notes)), title="keysweep")
    for finding in ordered(result.findings):
        place = finding.place
        write(
            LEVELS[finding.severity].command,
            _message(finding),
            title=f"keysweep: {title(finding)}",
            file=finding.origin.path,
            line=str(place.line if not finding.origin.members else 1),
            **({} if finding.origin.members else {"col": str(place.column)}),
        )
    for problem in ordered_problems(result.problems):
        where = {"file": problem.origin.path} if problem.origin else {}
        write("warning", f"Not fully scanned: {said(problem)}", title="keysweep: incomplete", **where)


def _message(finding: Finding) -> str:
    told = [f"{title(finding)} at {location(finding.origin, finding.place)}", *facts(finding)]
    return f"{', '.join(told)}. Why: {why(finding)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)
