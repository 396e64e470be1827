"""An audit as a table: a row for each rule that a key breaks, for what was not checked, and one for the run."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import TextIO

from keysweep.account.audit import Audit
from keysweep.account.judging.checks import Lapse
from keysweep.account.judging.identity import lapse_id
from keysweep.account.references import address
from keysweep.account.report.facts import Facts
from keysweep.account.report.text import summary, unchecked
from keysweep.report.csv import inert
from keysweep.report.entries import safe_for
from keysweep.report.json import timestamp

COLUMNS = (
    "record",
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
    "title",
    "benchmarks",
    "link",
    "cli",
    "terraform",
    "console",
    "replacement",
    "id",
)
"""`record` is `lapse`, `not-checked`, `note` or, in the last row, `run`: whether everything was checked."""


def render(audit: Audit, facts: Facts, stream: TextIO) -> None:
    """Write it as CSV; no cell is a formula to a spreadsheet."""
    safe = safe_for(stream)
    rows = csv.DictWriter(stream, COLUMNS, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writeheader()

    def write(row: Mapping[str, str]) -> None:
        rows.writerow({name: inert(safe(value)) for name, value in row.items()})

    for lapse in audit.lapses:
        write(_row(lapse))
    for account, told in unchecked(audit):
        write({"record": "not-checked", "account": account, "evidence": told})
    for note in facts.all_notes(audit):
        write({"record": "note", "evidence": note})
    told = "complete" if audit.is_complete else "incomplete"
    write({"record": "run", "evidence": f"{told}: {summary(audit).removeprefix('keysweep: ')}"})


def _row(lapse: Lapse) -> dict[str, str]:
    key, steps = lapse.key, lapse.steps()
    use = key.last_use.date if key and key.last_use else None
    return {
        "record": "lapse",
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
        "title": lapse.rule.title,
        "benchmarks": "; ".join(f"{name} {number}" for name, number in lapse.rule.benchmarks),
        "link": address(lapse.rule),
        "cli": "; ".join(steps.cli),
        "terraform": steps.terraform,
        "console": steps.console,
        "replacement": lapse.replacement.title if lapse.replacement else "",
        "id": lapse_id(lapse),
    }
