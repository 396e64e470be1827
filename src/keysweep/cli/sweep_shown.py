"""What came of a sweep: for people, and as data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, TextIO

from sqlalchemy.engine import Row

from keysweep.findings import Kind, Severity
from keysweep.frozen import frozen
from keysweep.report.decisions import MEANINGS
from keysweep.report.json import timestamp
from keysweep.report.style import Style, number_of, size
from keysweep.report.text import TITLES
from keysweep.standing import Standing
from keysweep.store import runs, summaries
from keysweep.store.opening import Store
from keysweep.store.runs import Counts, TaskState

FORMAT, VERSION = "keysweep-sweep", 1
_MOST_SHOWN = 20
_MOST_LISTED = 10_000


@frozen
class Told:
    """What came of a run."""

    run: str
    target: str
    where: str
    """Of the store."""
    counts: Counts
    standings: Mapping[str, int]
    to_do: int
    """Leaks that need somebody."""
    worst: tuple[Row[Any], ...]
    unread: tuple[tuple[str, str, str], ...]
    """Name, state and reason of repositories that were not read whole."""
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    again: str
    """What to type to go on with it; empty where it was not interrupted."""

    @property
    def is_incomplete(self) -> bool:
        """Whether there is anything that was not listed, read or asked."""
        return bool(self.again or self.unread or self.problems or self.counts.left)

    @staticmethod
    def of(store: Store, run: str, target: str, counts: Counts, fail_on: Severity, again: str = "") -> Told:
        """Read it from the store."""
        with store.reading() as connection:
            return Told(
                run,
                target,
                store.where,
                counts,
                summaries.standings(connection, run),
                summaries.count_to_do(connection, run, fail_on),
                tuple(summaries.to_do(connection, run, fail_on, _MOST_LISTED)),
                tuple(runs.unread(connection, run)),
                tuple(runs.notes_of(connection, run)),
                tuple(runs.problems_of(connection, run)),
                again,
            )


def write(told: Told, stream: TextIO, form: str, *, is_file: bool) -> None:
    """Write it in one of the formats of `sweep`."""
    if form == "json":
        json.dump(document(told), stream, indent=2)
        stream.write("\n")
        return
    style = Style() if is_file else Style.detect(stream, os.environ)
    stream.write("\n".join(lines(told, style)) + "\n")


def document(told: Told) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "run": told.run,
        "target": told.target,
        "complete": not told.is_incomplete,
        "interrupted": bool(told.again),
        "repositories": {
            "total": told.counts.total,
            **{state.value: told.counts.states.get(state, 0) for state in TaskState},
        },
        "bytes": told.counts.scanned_bytes,
        "new_leaks": told.counts.fresh,
        "leaks": {standing.value: told.standings.get(standing, 0) for standing in Standing},
        "to_do": told.to_do,
        "worst": [_leak(row) for row in told.worst],
        "unread": [{"repository": name, "state": state, "reason": reason} for name, state, reason in told.unread],
        "notes": list(told.notes),
        "problems": list(told.problems),
    }


def _leak(row: Row[Any]) -> dict[str, Any]:
    return {
        "fingerprint": row.fingerprint,
        "kind": row.kind,
        "key_id": row.key_id,
        "account_id": row.account,
        "severity": Severity(row.severity).label,
        "standing": row.standing,
        "status": row.status,
        "owner": row.owner,
        "arn": row.arn,
        "introduced": timestamp(row.introduced),
        "first_seen": timestamp(row.first_seen),
        "places": row.places,
        "repositories": row.repositories,
        "example": {"repository": row.repository, "path": row.path, "line": row.line, "author": row.author},
    }


def lines(told: Told, style: Style) -> list[str]:
    """The report for people: the worst leaks, what was not read, and one sentence that sums it up."""
    told_lines = [line for row in told.worst[:_MOST_SHOWN] for line in _leak_lines(row, style)]
    if told.to_do > _MOST_SHOWN:
        told_lines += [f"and {told.to_do - _MOST_SHOWN} more, which `keysweep serve` shows.", ""]
    if told.unread or told.problems:
        told_lines.append(style.paint("not read whole:", "yellow"))
        shown = told.unread[:_MOST_SHOWN]
        told_lines += [style.safe(f"  {name} ({state}): {reason}") for name, state, reason in shown]
        if len(told.unread) > _MOST_SHOWN:
            told_lines.append(f"  and {number_of(len(told.unread) - _MOST_SHOWN, 'more repository')}")
        told_lines += [style.safe(f"  {each}") for each in told.problems[:_MOST_SHOWN]]
        told_lines.append("")
    told_lines += [style.safe(f"note: {each}") for each in told.notes]
    return [*told_lines, style.safe(summary(told))]


_COLOURS = {"alarm": "alarm", "warn": "yellow", "good": "cyan", "quiet": "dim"}


def _leak_lines(row: Row[Any], style: Style) -> list[str]:
    meaning = MEANINGS[Standing(row.standing)]
    head = f"{style.paint(f'{meaning.label.upper():14}', _COLOURS[meaning.tone])} "
    named = row.key_id or f"{TITLES[Kind(row.kind)]} {row.fingerprint[:12]}"
    told = [("is", _owner(row)), ("at", f"{row.repository}: {row.path}:{row.line}")]
    spread = f"{number_of(row.repositories, 'repository')}, {number_of(row.places, 'place')}"
    since = f" since {row.introduced:%Y-%m-%d}" if row.introduced else ""
    told += [("in", f"{spread}{since}"), ("by", row.author or ""), ("do", _to_do(row))]
    return [
        head + style.paint(style.safe(named), "bold"),
        *(f"  {style.paint(f'{name:4}', 'dim')} {style.safe(text)}" for name, text in told if text),
        "",
    ]


def _to_do(row: Row[Any]) -> str:
    """What to type next about a live key."""
    if row.standing != Standing.LIVE or not row.key_id:
        return ""
    allowed = f" --allow-account {row.account}" if row.account else ""
    return f"keysweep contain {row.key_id}{allowed}"


def _owner(row: Row[Any]) -> str:
    account = f"account {row.account}" if row.account else ""
    owner = f"{row.principal or 'user'} {row.owner}" if row.owner else ""
    return " of ".join(filter(None, (owner, account)))


def summary(told: Told) -> str:
    """One sentence that never hides what was not done."""
    counts = told.counts
    states = counts.states
    swept = counts.total - counts.left - states.get(TaskState.FAILED, 0) - states.get(TaskState.QUARANTINED, 0)
    unchanged = states.get(TaskState.UNCHANGED, 0)
    said = f"keysweep: {swept} of {number_of(counts.total, 'repository')} of {told.target} swept"
    said += f" ({f'{unchanged} unchanged, ' if unchanged else ''}{size(counts.scanned_bytes)} read)"
    total = sum(told.standings.values())
    each = ", ".join(
        f"{count} {MEANINGS[standing].label.lower()}"
        for standing in Standing
        if (count := told.standings.get(standing, 0))
    )
    said += f": {number_of(total, 'leak')}" + (f", {each}" if each else "")
    said += f"; {counts.fresh} new" if counts.fresh else ""
    if told.again:
        said += f". Interrupted: go on with `{told.again}`"
    elif told.is_incomplete:
        said += ". Incomplete"
    return f"{said}. Run {told.run}, store {told.where}."
