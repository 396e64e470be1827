"""CSV for spreadsheets and databases, one row a finding; cells that would start a formula do not."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import TextIO

from keysweep.findings import Finding, Role, ScanResult, Severity
from keysweep.report.entries import brought_by, ordered, ordered_problems, safe_for, summary, why
from keysweep.report.json import timestamp

COLUMNS = (
    "record",
    "severity",
    "kind",
    "rule",
    "confidence",
    "key_id",
    "account_id",
    "path",
    "line",
    "column",
    "commit",
    "author",
    "date",
    "status",
    "arn",
    "redacted",
    "fingerprint",
    "message",
    "snippet",
)
"""`record` is `finding`, `problem`, or `scan`: the last row, which says whether everything was read."""

_FORMULA = "=+-@|%\uff1d\uff0b\uff0d\uff20"
"""What makes a spreadsheet calculate, or run, a cell that begins with it; full-width signs count too."""

_MOST_CHARACTERS = 32_000
"""Spreadsheets hold 32 767 in a cell, and put the rest of a longer one where nobody expects it."""


def render(
    result: ScanResult, stream: TextIO, *, fail_on: Severity = Severity.MEDIUM, suppressed: int = 0
) -> None:
    """Write a row for each finding, one for each problem, and one for the scan, in the columns of `COLUMNS`."""
    safe = safe_for(stream)
    writer = csv.DictWriter(stream, COLUMNS, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()

    def write(row: Mapping[str, str | int | None]) -> None:
        writer.writerow({name: inert(safe(str(value))) for name, value in row.items() if value is not None})

    for finding in ordered(result.findings):
        write(_row(finding))
    for problem in ordered_problems(result.problems):
        origin = problem.origin
        write(
            {
                "record": "problem",
                "kind": problem.code.value,
                "path": origin.display if origin else None,
                "commit": origin.commit if origin else None,
                "message": problem.message,
            }
        )
    told = "; ".join((summary(result, fail_on, suppressed), *result.notes))
    write({"record": "scan", "status": "incomplete" if result.problems else "complete", "message": told})


def _row(finding: Finding) -> dict[str, str | int | None]:
    commit = brought_by(finding)
    verdict = finding.verdict
    secret = next((part for part in finding.parts if part.role is not Role.KEY_ID), None)
    return {
        "record": "finding",
        "severity": finding.severity.label,
        "kind": finding.kind.value,
        "rule": finding.rule,
        "confidence": finding.confidence.label,
        "key_id": finding.key_id,
        "account_id": finding.account_id,
        "path": finding.origin.display,
        "line": finding.place.line,
        "column": finding.place.column,
        "commit": finding.origin.commit or (commit.id if commit else None),
        "author": f"{commit.author} <{commit.email}>" if commit else None,
        "date": timestamp(commit.date) if commit else None,
        "status": verdict.status.value if verdict else None,
        "arn": verdict.arn if verdict else None,
        "redacted": secret.value.redacted if secret else None,
        "fingerprint": finding.fingerprint,
        "message": why(finding),
        "snippet": finding.place.snippet,
    }


def inert(cell: str) -> str:
    """`cell` as text, whatever a spreadsheet makes of its first character."""
    cell = cell if len(cell) <= _MOST_CHARACTERS else f"{cell[:_MOST_CHARACTERS]}..."
    return f"'{cell}" if cell.lstrip()[:1] in tuple(_FORMULA) else cell
