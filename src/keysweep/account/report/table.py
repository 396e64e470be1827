"""An audit as a table: a row for each rule that a key breaks."""

from __future__ import annotations

import csv
from typing import TextIO

from keysweep.account.audit import Audit
from keysweep.account.checks import Lapse
from keysweep.report.json import timestamp

_COLUMNS = (
    "severity",
    "rule",
    "practices",
    "account",
    "user",
    "key_id",
    "active",
    "created",
    "last_used",
    "evidence",
)


def write(audit: Audit, stream: TextIO) -> None:
    """Write it as CSV."""
    rows = csv.DictWriter(stream, _COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writeheader()
    rows.writerows(map(_row, audit.lapses))


def _row(lapse: Lapse) -> dict[str, str]:
    key = lapse.key
    use = key.last_use.date if key and key.last_use else None
    return {
        "severity": lapse.severity.label,
        "rule": lapse.rule.id,
        "practices": " ".join(map(str, lapse.rule.practices)),
        "account": lapse.account,
        "user": (key.user or "root") if key else "",
        "key_id": key.key_id if key else "",
        "active": ("yes" if key.is_active else "no") if key else "",
        "created": (timestamp(key.created) if key else None) or "",
        "last_used": timestamp(use) or "",
        "evidence": "; ".join(lapse.evidence),
    }
