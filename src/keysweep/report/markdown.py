"""Markdown for people: a comment, an issue, a page of a wiki."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO

from keysweep.findings import Finding, ScanResult, Severity
from keysweep.report.entries import (
    location,
    ordered,
    ordered_problems,
    safe_for,
    said,
    status,
    summary,
    title,
    why,
)
from keysweep.report.markup import code, prose
from keysweep.report.rules import REMEDY
from keysweep.report.text import ROLES


def render(
    result: ScanResult, stream: TextIO, *, fail_on: Severity = Severity.MEDIUM, suppressed: int = 0
) -> None:
    """Write the sum, what was not scanned, and a table of the findings."""
    safe = safe_for(stream)
    stream.writelines(f"{line}\n" for line in head(result, fail_on, suppressed, safe))
    stream.writelines(f"{row}\n" for row in rows(result, safe))
    if result.findings:
        stream.write(f"\n{REMEDY}\n")


def head(
    result: ScanResult, fail_on: Severity, suppressed: int, safe: Callable[[str], str], most: int | None = None
) -> list[str]:
    """Everything but findings; at most so many problems, and how many more there are."""
    lines = ["## keysweep", "", f"**{prose(safe(summary(result, fail_on, suppressed)))}.**", ""]
    if result.problems:
        lines += ["Not fully scanned, so nothing here may be called clean:", ""]
        lines += [f"- {code(safe(said(problem)))}" for problem in ordered_problems(result.problems)[:most]]
        if most is not None and len(result.problems) > most:
            lines.append(f"- and {len(result.problems) - most} more")
        lines.append("")
    lines += [f"Note: {prose(safe(note))}." for note in result.notes]
    return [*lines, ""] if result.notes else lines


def rows(result: ScanResult, safe: Callable[[str], str]) -> Iterator[str]:
    """The table, a line at a time, the worst finding first; nothing where there is none."""
    if not result.findings:
        return
    yield "| severity | what | where | key ID | account | AWS says | why | fingerprint |"
    yield "|---|---|---|---|---|---|---|---|"
    for finding in ordered(result.findings):
        cells = (
            f"**{finding.severity.label}**",
            _what(finding, safe),
            "<br>".join(
                dict.fromkeys(
                    code(safe(location(part.origin or finding.origin, part.place))) for part in finding.parts
                )
            ),
            code(safe(finding.key_id or "")),
            code(safe(finding.account_id or "")),
            prose(safe(status(finding))) or "-",
            prose(safe(why(finding))),
            code(finding.fingerprint),
        )
        yield f"| {' | '.join(cells)} |"


def _what(finding: Finding, safe: Callable[[str], str]) -> str:
    told = prose(safe(title(finding)))
    hidden = [
        f"{ROLES[part.role]} {part.value.redacted}" for part in finding.parts if part.role != "access-key-id"
    ]
    told += "".join(f"<br>{code(safe(each))}" for each in hidden)
    told += f"<br>canary of {prose(safe(finding.canary))}: never try it" if finding.canary else ""
    return told + (f"<br>placeholder: {prose(safe(finding.placeholder))}" if finding.placeholder else "")
