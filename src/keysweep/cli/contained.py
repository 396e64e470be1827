"""What `keysweep contain` plans and did, as data, and the exit code that it asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from keysweep.aws import trail_shown
from keysweep.aws.containment.items import Item, is_own_check
from keysweep.aws.containment.run import Done, Standing
from keysweep.aws.containment.targets import place_of
from keysweep.aws.trail import Summary
from keysweep.cli.leaked import Leaked
from keysweep.errors import AwsError, ExitCode
from keysweep.findings import Finding, Severity
from keysweep.frozen import frozen
from keysweep.report.json import timestamp, verdict_document


@frozen
class Report:
    """What a call of the command came to."""

    done: tuple[Done, ...]
    leaked: Leaked
    run: str = ""
    """Empty for a plan."""
    undo: str = ""
    """The command that takes the run back; empty if it changed nothing."""
    operator: str = ""
    journal: Path | None = None
    head: str = ""
    """The hash of the newest line that the run wrote."""
    trails: dict[str, Summary] = {}  # noqa: RUF012 - never changed
    is_interrupted: bool = False
    error: AwsError | None = None
    """Why the run ended early."""


NEXT: dict[Standing, tuple[str, ...]] = {  # never changed
    Standing.FAILED: (
        "Mend what the reason names, and run the same again: what is done already is left alone.",
        "If it cannot wait, do by hand in the account of the key what the plan says.",
    ),
    Standing.UNKNOWN: (
        "Run the same again: what is done already is left alone, and the report says how it is now.",
        "If AWS stays silent, look in its console: only a human can tell now.",
    ),
    Standing.NOT_PROPAGATED: (
        "Wait some minutes and run the same again: IAM takes its time, and HARMLESS is what you want to read.",
        "If AWS still accepts it after a quarter of an hour, open a case with AWS Support.",
    ),
}
"""What a human should do where AWS did not do all; refusals have steps of their own."""
_WORSE = frozenset({Standing.FAILED, Standing.UNKNOWN, Standing.NOT_PROPAGATED})


def code(report: Report) -> int:
    """4 before 1 before 3: what AWS did not do is worse than what was not asked for."""
    unreachable = any(each.item.refusal and each.item.refusal.guard == "unreachable" for each in report.done)
    if report.error or unreachable or any(each.standing in _WORSE for each in report.done):
        return ExitCode.AWS
    if any(is_left(each) for each in report.done) or any(map(is_worth_it, report.leaked.nameless)):
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if _is_all_read(report) else ExitCode.INCOMPLETE


def _is_all_read(report: Report) -> bool:
    return not (report.leaked.unread or report.leaked.partial or report.is_interrupted)


def is_worth_it(finding: Finding) -> bool:
    """Whether a finding of which nothing can be asked is one that may let somebody in."""
    return finding.severity >= Severity.MEDIUM


def is_left(done: Done) -> bool:
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
        "undo": report.undo or None,
        "complete": _is_all_read(report) and code(report) != ExitCode.AWS,
        "operator": report.operator or None,
        "journal": {"file": str(report.journal), "head": report.head} if report.journal else None,
        "error": str(report.error) if report.error else None,
        "keys": [_key(each, report) for each in report.done],
        "unread": [
            {"fingerprint": each.recorded.fingerprint, "key_id": each.recorded.key_id, "reason": each.reason}
            for each in report.leaked.unread
        ],
        "without_key_id": [
            {
                "fingerprint": each.fingerprint,
                "kind": each.kind.value,
                "place": place_of(each),
                "severity": each.severity.label,
            }
            for each in report.leaked.nameless
        ],
        "incomplete_scans": list(report.leaked.partial),
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
        "places": list(item.target.places),
        "verdict": verdict_document(item.target.verdict) if item.target.verdict else None,
        "owner": _owner(item),
        "role": _role(item),
        "actions": list(item.actions),
        "responder": item.acting.arn if item.acting else None,
        "warnings": list(item.warnings),
        "refusal": (
            {"guard": refusal.guard, "reason": refusal.reason, "steps": list(refusal.steps)} if refusal else None
        ),
        "next": list(NEXT.get(done.standing, ())),
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
    owner, before = item.owner, item.target.used_before
    if owner is None:
        return None
    return {
        "user": owner.user,
        "path": owner.path,
        "tags": dict(owner.tags) if owner.tags is not None else None,
        "active": owner.is_active,
        "created": timestamp(owner.created),
        "last_used": timestamp(owner.last_use.date),
        "last_used_service": owner.last_use.service,
        "last_used_region": owner.last_use.region,
        "last_use_was_keysweep": is_own_check(item),
        "last_used_before": timestamp(before.date) if before and is_own_check(item) else None,
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
