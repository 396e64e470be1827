"""What `keysweep delete` plans and did, as text and as data, and the exit code that it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from keysweep.aws.containment.items import Item
from keysweep.aws.rotation.deletion import Off
from keysweep.aws.rotation.judging import words_of
from keysweep.errors import AwsError, ExitCode
from keysweep.frozen import frozen
from keysweep.report.style import Style
from keysweep.report.wrapping import wrapped

_INDENT = 10


class Standing(StrEnum):
    """What became of one key; the values are the `status` that scripts read."""

    PLANNED = "planned"
    DELETED = "deleted"
    GONE = "gone"
    """The account has no such key."""
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


_COLOURS = {
    Standing.DELETED: "green",
    Standing.GONE: "green",
    Standing.FAILED: "alarm",
    Standing.UNKNOWN: "alarm",
}


@frozen
class Deletion:
    """One key."""

    item: Item
    standing: Standing
    reason: str = ""
    off: Off | None = None
    request_id: str | None = None
    has_kept: bool = False
    """Whether a profile still keeps the pair of it, though it is gone."""
    unsettled: tuple[tuple[str, int], ...] = ()
    """Run and number of deletions of it of which the journal does not say what became, though it is gone."""


@frozen
class Report:
    """What a call of the command came to."""

    keys: tuple[Deletion, ...]
    run: str = ""
    journal: Path | None = None
    head: str = ""
    error: AwsError | None = None
    is_interrupted: bool = False


def code(report: Report) -> int:
    """4 before 3 before 1."""
    standings = {each.standing for each in report.keys}
    unreachable = any(each.item.refusal and each.item.refusal.guard == "unreachable" for each in report.keys)
    if report.error or unreachable or standings & {Standing.FAILED, Standing.UNKNOWN}:
        return ExitCode.AWS
    if report.is_interrupted:
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN if standings <= {Standing.DELETED, Standing.GONE} else ExitCode.FINDINGS


def facts(each: Deletion) -> str:
    """What speaks for deleting a key: its age, its last use, and since when it is off."""
    owner = each.item.owner
    if owner is None:
        return ""
    age = f"made {owner.created:%Y-%m-%d}, " if owner.created else ""
    off = f"; off since {each.off.since:%Y-%m-%d} ({each.off.how})" if each.off else "; active"
    return f"{age}{words_of(owner.last_use)}{off}"


def as_text(report: Report, style: Style) -> list[str]:
    """For a person."""
    lines = []
    for each in report.keys:
        owner = each.item.owner
        whose = f" of user {owner.user}, account {owner.account}" if owner else ""
        head = style.paint(each.standing.value.upper(), _COLOURS.get(each.standing, "yellow"))
        lines.append(f"{head} {style.paint(style.safe(each.item.target.key_id), 'bold')}{style.safe(whose)}")
        for label, text in _rows(each):
            first, *rest = wrapped(text, _INDENT, style) or [""]
            name = f"{label:{_INDENT - 3}}"
            lines += [f"  {style.paint(name, 'dim')} {first[_INDENT:]}", *rest]
        lines.append("")
    deleted = sum(each.standing is Standing.DELETED for each in report.keys)
    count = f"{len(report.keys)} key{'s' * (len(report.keys) != 1)}"
    lines.append(f"keysweep: {count}, {deleted} deleted by this run.")
    if not report.run and any(each.standing is Standing.PLANNED for each in report.keys):
        lines.append("Nothing was changed: this is the plan, and --apply does it, for good.")
    if report.journal:
        lines.append(style.safe(f"run {report.run}, journal {report.journal}, newest line {report.head[:16]}"))
    return lines


def _rows(each: Deletion) -> Iterator[tuple[str, str]]:
    if told := facts(each):
        yield "is", told
    if each.reason:
        yield "why" if each.standing is Standing.REFUSED else "note", each.reason
    if each.item.refusal and each.standing is Standing.REFUSED:
        yield from ((f"do {number}", step) for number, step in enumerate(each.item.refusal.steps, 1))
    if each.request_id:
        yield "request", each.request_id
    if each.has_kept:
        yield "note", "a profile still keeps the pair of it: --apply takes that out"


def as_data(report: Report) -> dict[str, Any]:
    """For scripts."""
    return {
        "format": "keysweep-deletion",
        "version": 1,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": report.run or None,
        "complete": not report.is_interrupted and report.error is None,
        "keys": [
            {
                "key_id": each.item.target.key_id,
                "status": each.standing.value,
                "reason": each.reason or None,
                "guard": each.item.refusal.guard if each.item.refusal else None,
                "account_id": each.item.account,
                "user": each.item.owner.user if each.item.owner else None,
                "off_since": each.off.since.isoformat() if each.off else None,
                "known_by": each.off.how if each.off else None,
                "request_id": each.request_id,
            }
            for each in report.keys
        ],
        "journal": str(report.journal) if report.journal else None,
        "head": report.head or None,
        "error": str(report.error) if report.error else None,
    }
