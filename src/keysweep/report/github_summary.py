"""Markdown for the summary page of a GitHub Actions run, within the size that GitHub takes."""

from __future__ import annotations

from typing import TextIO

from keysweep.findings import ScanResult, Severity
from keysweep.report.entries import safe_for
from keysweep.report.markdown import head, rows
from keysweep.report.rules import REMEDY

MOST_BYTES = 1_000_000
"""GitHub takes 1 MiB a step, and shows nothing of a step that wrote more; its other commands write there too."""
MOST_PROBLEMS = 100


def render(
    result: ScanResult, stream: TextIO, *, fail_on: Severity = Severity.MEDIUM, suppressed: int = 0
) -> None:
    """Write what `markdown` has, as far as there is room, and how many findings there is no room for."""
    safe = safe_for(stream)
    lines = head(result, fail_on, suppressed, safe, MOST_PROBLEMS)
    stream.writelines(f"{line}\n" for line in lines)
    room = MOST_BYTES - sum(len(line.encode()) + 1 for line in lines)
    written = 0
    for row in rows(result, safe):
        room -= len(row.encode()) + 1
        if room < 0:
            break
        stream.write(f"{row}\n")
        written += 1
    if result.findings:
        left_out = len(result.findings) - max(0, written - _HEADING)
        stream.write(f"\n{left_out} more findings: see the other reports of this run.\n" if left_out else "")
        stream.write(f"\n{REMEDY}\n")


_HEADING = 2
