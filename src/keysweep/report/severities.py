"""What a severity is called elsewhere: the one table that all formats take their levels from."""

from __future__ import annotations

from collections.abc import Mapping

from keysweep.findings import Severity
from keysweep.frozen import frozen


@frozen
class Level:
    """One severity in the words of those who read reports."""

    sarif: str
    """`level` of a result."""
    score: str
    """`security-severity` of a rule. GitHub calls it critical above 9.0, high from 7.0 and medium from 4.0 on."""
    gitlab: str
    """`severity` of a vulnerability."""
    command: str
    """The workflow command that GitHub Actions shows as an annotation."""


LEVELS: Mapping[Severity, Level] = {
    Severity.CRITICAL: Level("error", "9.5", "Critical", "error"),
    Severity.HIGH: Level("error", "8.0", "High", "error"),
    Severity.MEDIUM: Level("error", "5.5", "Medium", "error"),
    Severity.LOW: Level("warning", "3.0", "Low", "warning"),
    Severity.INFO: Level("note", "1.0", "Info", "notice"),
}
