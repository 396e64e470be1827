"""What every finding of AWS Security Hub has in common, in its format (ASFF): names, limits and places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from keysweep.findings import Severity
from keysweep.regions import partition_of
from keysweep.report.style import Style

BATCH = 100
"""Findings that one request may hold."""
SCHEMA_VERSION = "2018-10-08"
MOST_TITLE = 256
MOST_DESCRIPTION = 1024
MOST_REMEDY = 512
LEAKED = "Sensitive Data Identifications/Security/Leaked AWS credentials"
LABELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "CRITICAL",
    Severity.HIGH: "HIGH",
    Severity.MEDIUM: "MEDIUM",
    Severity.LOW: "LOW",
    Severity.INFO: "INFORMATIONAL",
}
"""What a severity is called in Security Hub."""
_SAFE = Style().safe
_FORMAT_KNOWS = frozenset({"aws", "aws-cn", "aws-us-gov"})


def product_arn(account: str, region: str) -> str:
    """Who tells of a finding: an account's own product, which every Security Hub has."""
    return f"arn:{partition_of(region)}:securityhub:{region}:{account}:product/{account}/default"


def place(partition: str, region: str) -> dict[str, str]:
    """Where a resource is; the format does not know every partition that there is."""
    return {"Region": region, **({"Partition": partition} if partition in _FORMAT_KNOWS else {})}


def moment(when: datetime) -> str:
    """A time, aware UTC."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def fitted(text: str, most: int) -> str:
    """`text` of unknown origin made safe, in no more characters than a field takes."""
    safe = _SAFE(text[:most])
    return safe if len(safe) <= most >= len(text) else f"{safe[: most - 3]}..."


def batches_of(findings: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    """As many findings at once as `aws securityhub batch-import-findings` takes."""
    return [findings[at : at + BATCH] for at in range(0, len(findings), BATCH)]
