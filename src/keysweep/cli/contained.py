"""What `keysweep contain` plans and did, as text and as data, and the exit code that it asks for."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from keysweep.aws import trail_shown
from keysweep.aws.containment.plan import Item, is_own_check
from keysweep.aws.containment.run import Done, Standing
from keysweep.aws.trail import Summary
from keysweep.errors import AwsError, ExitCode
from keysweep.frozen import frozen
from keysweep.report.json import verdict_document
from keysweep.report.style import Style
from keysweep.sources.reread import Reread
from keysweep.verdicts import Status


@frozen
class Report:
    """What a call of the command came to."""

    done: tuple[Done, ...]
    unread: tuple[Reread, ...]
    run: str = ""
    """Empty for a plan."""
    operator: str = ""
    journal: Path | None = None
    head: str = ""
    """The hash of the newest line that the run wrote."""
    trails: dict[str, Summary] = {}  # noqa: RUF012 - never changed
    is_interrupted: bool = False
    error: AwsError | None = None
    """Why the run ended early."""


_WORSE = frozenset({Standing.FAILED, Standing.UNKNOWN, Standing.NOT_PROPAGATED})


def code(report: Report) -> int:
    """4 before 1 before 3: what AWS did not do is worse than what was not asked for."""
    unreachable = any(each.item.refusal and each.item.refusal.guard == "unreachable" for each in report.done)
    if report.error or unreachable or any(each.standing in _WORSE for each in report.done):
        return ExitCode.AWS
    if any(_is_left(each) for each in report.done):
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if report.unread or report.is_interrupted else ExitCode.CLEAN


def _is_left(done: Done) -> bool:
    """Whether the key may still let somebody in."""
    if done.standing is Standing.PLANNED:
        return True
    return done.standing is Standing.REFUSED and done.item.may_be_live


def as_json(report: Report, stream: TextIO) -> None:
    """Write the document, `status` for each key in it."""
    document = {
        "format": "keysweep-containment",
        "version": 1,
        "run": report.run or None,
        "applied": bool(report.run),
        "complete": not (report.unread or report.is_interrupted or report.error),
        "operator": report.operator or None,
        "journal": {"file": str(report.journal), "head": report.head} if report.journal else None,
        "error": str(report.error) if report.error else None,
        "keys": [_key(each, report) for each in report.done],
        "unread": [
            {"fingerprint": each.recorded.fingerprint, "key_id": each.recorded.key_id, "reason": each.reason}
            for each in report.unread
        ],
    }
    json.dump(document, stream, indent=2)
    stream.write("\n")


def _key(done: Done, report: Report) -> dict[str, Any]:
    item, refusal, seen = done.item, done.item.refusal, done.propagation
    trail = report.trails.get(item.target.key_id)
    return {
        "key_id": item.target.key_id,
        "status": done.standing.value,
        "reason": done.reason or None,
        "account_id": item.account,
        "verdict": verdict_document(item.target.verdict) if item.target.verdict else None,
        "owner": _owner(item),
        "role": _role(item),
        "actions": list(item.actions),
        "responder": item.acting.arn if item.acting else None,
        "warnings": list(item.warnings),
        "refusal": (
            {"guard": refusal.guard, "reason": refusal.reason, "steps": list(refusal.steps)} if refusal else None
        ),
        "changes": [
            {
                "action": each.change.action,
                "call": each.change.call,
                "outcome": each.outcome.value,
                "request_id": each.request_id,
                "reason": each.reason or None,
            }
            for each in done.written
        ],
        "propagation": (
            {"refused_after_seconds": seen.refused_after_seconds, "reason": seen.reason} if seen else None
        ),
        "trail": trail_shown.as_json(trail) if trail else None,
    }


def _owner(item: Item) -> dict[str, Any] | None:
    owner = item.owner
    if owner is None:
        return None
    return {
        "user": owner.user,
        "path": owner.path,
        "tags": dict(owner.tags) if owner.tags is not None else None,
        "active": owner.is_active,
        "created": _iso(owner.created),
        "last_used": _iso(owner.last_use.date),
        "last_used_service": owner.last_use.service,
        "last_used_region": owner.last_use.region,
        "last_use_was_keysweep": is_own_check(item),
        "only_active_key": owner.is_only_active if not owner.credential else None,
        "policies": list(owner.policies) if owner.policies is not None else None,
        "quarantined": owner.is_quarantined,
        "unknown": list(owner.unknown),
    }


def _role(item: Item) -> dict[str, Any] | None:
    role, holders = item.role, item.holders
    if role is None:
        return None
    return {
        "name": role.name,
        "path": role.path,
        "trusted": list(role.trusted),
        "cut_off": dict(holders.names) if holders else {},
        "cut_off_incomplete": list(holders.incomplete) if holders else [],
    }


def as_text(report: Report, style: Style) -> list[str]:
    """What is worst first; of everything what a person at 3 a.m. needs, and what to do next."""
    lines = []
    order = sorted(report.done, key=lambda each: (_ORDER.index(each.standing), each.item.target.key_id))
    for done in order:
        lines += [*_about(done, style), ""]
        if trail := report.trails.get(done.item.target.key_id):
            lines += [*(f"  {line}" for line in trail_shown.lines(trail)), ""]
    for gone in report.unread:
        named = gone.recorded.key_id or gone.recorded.fingerprint
        lines.append(style.safe(f"not read again: {named} in {gone.recorded.origin.display}: {gone.reason}"))
    return [*lines, *([""] if report.unread else []), *_summary(report, style)]


_ORDER = (
    Standing.UNKNOWN,
    Standing.FAILED,
    Standing.NOT_PROPAGATED,
    Standing.PLANNED,
    Standing.REFUSED,
    Standing.REVOKED,
    Standing.DISABLED,
    Standing.HARMLESS,
)
_COLOURS = {
    Standing.UNKNOWN: "alarm",
    Standing.FAILED: "alarm",
    Standing.NOT_PROPAGATED: "yellow",
    Standing.PLANNED: "yellow",
    Standing.REFUSED: "yellow",
    Standing.REVOKED: "green",
    Standing.DISABLED: "green",
}


def as_lines(item: Item, style: Style) -> list[str]:
    """One key of a plan."""
    return _about(Done(item, Standing.PLANNED), style)


def _about(done: Done, style: Style) -> list[str]:
    item = done.item
    head = f"{done.standing.value.upper():9}"
    lines = [f"{style.paint(head, _COLOURS.get(done.standing, 'dim'))} {style.paint(item.target.key_id, 'bold')}"]
    rows = [*_facts(item)]
    if done.reason:
        rows.append(("why", done.reason))
    if done.standing is Standing.PLANNED:
        rows += [("does", each) for each in item.actions]
        rows += [("note", each) for each in item.warnings]
    if item.acting and done.standing is not Standing.HARMLESS:
        rows.append(("as", item.acting.arn))
    for written in done.written:
        request = f", request {written.request_id}" if written.request_id else ""
        rows.append(("did", f"{written.change.words}: {written.outcome.value}{request}"))
    if item.refusal:
        rows += [(f"do {number}", step) for number, step in enumerate(item.refusal.steps, 1)]
    for name, text in rows:
        first, *rest = textwrap.wrap(style.safe(text), max(20, style.width - 11), **_WRAPPED) or [""]
        lines += [f"  {style.paint(f'{name:8}', 'dim')} {first}", *(f"{'':11}{line}" for line in rest)]
    return lines


_WRAPPED: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def _facts(item: Item) -> list[tuple[str, str]]:
    """Whose it is, what it can do, and when it was last used."""
    rows = []
    verdict, owner, role = item.target.verdict, item.owner, item.role
    if verdict:
        known = (
            f"live as {verdict.arn}" if verdict.status is Status.LIVE else f"{verdict.status}: {verdict.reason}"
        )
        rows.append(("is", f"{known}, {_minute(verdict.checked)}"))
    if owner:
        path = f" (path {owner.path})" if owner.path not in (None, "/") else ""
        rows.append(("of", f"user {owner.user}{path} of account {owner.account}"))
        if owner.created:
            rows.append(("made", f"{_minute(owner.created)} ({_days(owner.created)})"))
        rows.append(("used", _last_use(item)))
        if owner.policies is not None:
            rows.append(("can", ", ".join(owner.policies) or "nothing: no policy gives the user anything"))
    elif role:
        rows.append(("of", f"role {role.path}{role.name} of account {role.account}"))
    elif item.account:
        rows.append(("of", f"account {item.account}"))
    return rows


def _last_use(item: Item) -> str:
    owner = item.owner
    assert owner
    use = owner.last_use
    if owner.credential:
        return "not known: IAM does not tell it of such credentials"
    if use.date is None:
        return "never, as far as IAM knows"
    told = f"{use.service} in {use.region}, {_minute(use.date)}"
    return f"{told}: by keysweep, to verify it; what was before is not known" if is_own_check(item) else told


def _summary(report: Report, style: Style) -> list[str]:
    counts = Counter(each.standing for each in report.done)
    said = [f"{counts[standing]} {standing.value}" for standing in _ORDER if counts[standing]]
    if report.unread:
        said.append(f"{len(report.unread)} not read again")
    keys = f"{len(report.done)} key{'s' * (len(report.done) != 1)}"
    lines = [f"keysweep: {keys}: {', '.join(said) or 'nothing to do'}."]
    if report.run:
        lines.append(f"run {report.run}; take it back with: keysweep undo {report.run}")
        if report.journal:
            lines.append(
                f"journal {style.safe(str(report.journal))}, newest line {report.head[:16] or 'unwritten'}"
            )
    elif counts[Standing.PLANNED]:
        lines.append("Nothing was changed: this is the plan, and --apply does it.")
    return lines


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _days(moment: datetime) -> str:
    days = (datetime.now(UTC) - moment).days
    return f"{days} day{'s' * (days != 1)} old"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
