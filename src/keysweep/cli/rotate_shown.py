"""What `keysweep rotate` plans and did, as text and as data, and the exit code that it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from keysweep.aws.containment.items import Item
from keysweep.aws.containment.refusals import Refusal
from keysweep.aws.containment.writing import Written
from keysweep.aws.rotation.judging import words_of
from keysweep.aws.rotation.run import Standing
from keysweep.aws.rotation.stages import Rotation
from keysweep.aws.sinks.interface import ABSENT, NO_KEY, STDOUT, Held, Place
from keysweep.errors import AwsError, ExitCode
from keysweep.frozen import frozen
from keysweep.report.style import Style
from keysweep.report.wrapping import wrapped

_INDENT = 12
_COLOURS = {
    Standing.ROTATED: "green",
    Standing.PLANNED: "yellow",
    Standing.WAITING: "yellow",
    Standing.REFUSED: "yellow",
    Standing.FAILED: "alarm",
    Standing.UNKNOWN: "alarm",
}


@frozen
class Report:
    """What a call of the command came to."""

    item: Item
    place: Place
    held: Held | None
    """What the place held before; None where that was not asked."""
    quiet: timedelta
    standing: Standing = Standing.PLANNED
    rotation: Rotation | None = None
    reason: str = ""
    refusal: Refusal | None = None
    awaits: tuple[str, ...] = ()
    written: tuple[Written, ...] = ()
    run: str = ""
    """Empty for a plan."""
    go_on: str = ""
    """The command that goes on."""
    undo: str = ""
    journal: Path | None = None
    head: str = ""
    error: AwsError | None = None
    is_interrupted: bool = False

    @property
    def stopped_by(self) -> Refusal | None:
        """The guard that stopped it, before or in the midst of it."""
        return self.refusal or self.item.refusal


def code(report: Report) -> int:
    """4 before 3 before 1: what AWS did not do is worse than what is left to do."""
    refusal = report.stopped_by
    is_unreachable = refusal is not None and refusal.guard == "unreachable"
    if report.error or is_unreachable:
        return ExitCode.AWS
    if report.is_interrupted:
        return ExitCode.INCOMPLETE
    if report.standing in (Standing.FAILED, Standing.UNKNOWN):
        return ExitCode.AWS
    return ExitCode.CLEAN if report.standing is Standing.ROTATED else ExitCode.FINDINGS


def as_text(report: Report, style: Style) -> list[str]:
    """For a person: where it is, what is awaited, and what to do next."""
    return [*about(report, style), "", *(style.safe(line) for line in _last(report))]


def about(report: Report, style: Style) -> list[str]:
    """The same without what comes after: what somebody reads who is asked whether to do it."""
    owner = report.item.owner
    whose = f" of user {owner.user}, account {owner.account}" if owner else ""
    head = style.paint("INTERRUPTED" if report.is_interrupted else report.standing.value.upper(), _colour(report))
    lines = [f"{head} {style.paint(style.safe(report.item.target.key_id), 'bold')}{style.safe(whose)}"]
    for label, text in _rows(report):
        first, *rest = wrapped(text, _INDENT, style) or [""]
        name = f"{label:{_INDENT - 3}}"
        lines += [f"  {style.paint(name, 'dim')} {first[_INDENT:]}", *rest]
    return lines


def _colour(report: Report) -> str:
    return "alarm" if report.is_interrupted else _COLOURS[report.standing]


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    owner, rotation, refusal = report.item.owner, report.rotation, report.stopped_by
    if owner:
        age = f"made {owner.created:%Y-%m-%d}, " if owner.created else ""
        yield (
            "old",
            f"{age}{'active' if owner.is_active else 'switched off'} when looked at, {words_of(owner.last_use)}",
        )
    if rotation and rotation.new:
        handed = f", handed over {rotation.handed:%Y-%m-%d %H:%M} UTC" if rotation.handed else ", not handed over"
        yield "new", rotation.new + handed
    yield "to", report.place.words + ("" if rotation and rotation.handed else _holds(report.held))
    if refusal or report.reason:
        yield "why", refusal.reason if refusal else report.reason
    if refusal:
        yield from ((f"do {number}", step) for number, step in enumerate(refusal.steps, 1))
    yield from (("awaits", text) for text in report.awaits)
    if report.standing is Standing.PLANNED and not report.is_interrupted:
        yield from ((f"do {number}", step) for number, step in enumerate(_steps(report), 1))


def _holds(held: Held | None) -> str:
    if held is None or held.key_id == STDOUT:
        return ""
    known = {ABSENT: ", which is not there yet", NO_KEY: ", which holds no key yet"}
    return known.get(held.key_id, f", which holds {held.key_id}")


def _steps(report: Report) -> Iterator[str]:
    """What `--apply` does, now and later."""
    rotation, key_id = report.rotation, report.item.target.key_id
    hours = f"{report.quiet.total_seconds() / 3600:g}"
    user = report.item.owner.user if report.item.owner else "the key"
    if rotation is None or rotation.handed is None:
        if rotation and (rotation.new or rotation.creating):
            yield "see whether the place has the key that was made; if not, its secret is lost and it is replaced"
        else:
            yield f"make a second key for user {user}, and see whether AWS accepts it"
        printed = (
            "print it to standard output" if report.place.kind == "stdout" else f"hand it over to {report.place}"
        )
        yield f"{printed}, once: nobody can read the secret from AWS again"
    if not (report.item.owner and not report.item.owner.is_active):
        yield f"once the new key is used, and {key_id} was not for {hours} h: switch {key_id} off"
    yield f"weeks later, by your word alone: keysweep delete {key_id}"


def _last(report: Report) -> Iterator[str]:
    if report.is_interrupted or report.error:
        ended = "interrupted" if report.is_interrupted else "stopped"
        yield f"keysweep: {ended}; {'the journal has how far it came' if report.run else 'nothing was changed'}."
    if report.standing is Standing.ROTATED:
        yield f"Nothing misses the old key? Then, after 30 days: keysweep delete {report.item.target.key_id}"
    if not report.run:
        if report.standing is Standing.PLANNED and not report.is_interrupted:
            yield "Nothing was changed: this is the plan, and --apply does it."
        return
    if report.standing is not Standing.ROTATED:
        yield f"go on with: {report.go_on}"
    if report.written or (report.rotation and report.rotation.number):
        yield f"take it back with: {report.undo}"
    if report.journal and report.head:
        yield f"journal {report.journal}, newest line {report.head[:16]}"


def as_data(report: Report) -> dict[str, Any]:
    """For scripts; never a secret."""
    owner, rotation, refusal = report.item.owner, report.rotation, report.stopped_by
    return {
        "format": "keysweep-rotation",
        "version": 1,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": report.run or (rotation.run if rotation else None),
        "key_id": report.item.target.key_id,
        "status": report.standing.value,
        "complete": not report.is_interrupted and report.error is None,
        "reason": (refusal.reason if refusal else report.reason) or None,
        "refusal": {"guard": refusal.guard, "steps": list(refusal.steps)} if refusal else None,
        "new_key_id": (rotation.new if rotation else "") or None,
        "handed_over": rotation.handed.isoformat() if rotation and rotation.handed else None,
        "account_id": report.item.account,
        "user": owner.user if owner else None,
        "place": str(report.place),
        "region": report.place.region or None,
        "awaits": list(report.awaits),
        "changes": [
            {
                "action": each.change.action,
                "status": each.outcome.value,
                "reason": each.reason or None,
                "request_id": each.request_id,
            }
            for each in report.written
        ],
        "go_on": report.go_on or None,
        "undo": report.undo or None,
        "journal": str(report.journal) if report.journal else None,
        "head": report.head or None,
        "error": str(report.error) if report.error else None,
    }
