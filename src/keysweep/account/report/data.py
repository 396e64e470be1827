"""An audit as data: every key, every rule that one breaks, everything that was not checked."""

from __future__ import annotations

import json
from typing import Any, TextIO

from keysweep.account.audit import Audit, Judged
from keysweep.account.evidence import Key, User
from keysweep.account.judging.checks import Lapse
from keysweep.account.judging.identity import lapse_id
from keysweep.account.references import address, page
from keysweep.account.report import used
from keysweep.account.report.facts import Facts
from keysweep.account.runs.course import Change
from keysweep.report.json import timestamp

FORMAT, VERSION = "keysweep-account", 1


def render(audit: Audit, facts: Facts, stream: TextIO) -> None:
    """Write it as JSON, in ASCII: names from outside are escapes in it."""
    json.dump(document(audit, facts), stream, indent=2)
    stream.write("\n")


def document(audit: Audit, facts: Facts) -> dict[str, Any]:
    """The whole audit, ready for JSON."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "complete": audit.is_complete,
        "accounts": [_account(each) for each in audit.judged],
        "lapses": [_lapse(each) for each in audit.lapses],
        "not_checked": [
            {"account": account or None, "what": gap.what, "needs": gap.needs or None, "reason": gap.reason}
            for account, gap in audit.each_gap()
        ],
        "unreached": [
            {
                "account": each.account,
                "name": each.name or None,
                "reason": each.reason,
                "leaked_keys": list(each.leaks),
            }
            for each in audit.unreached
        ],
        "closed": [{"account": each.account, "name": each.name or None} for each in audit.closed],
        "ages": {
            "most_days": facts.bounds.most_days,
            "bands": [
                {
                    "band": each.band.name,
                    "most_days": each.band.most_days,
                    "keys": each.keys,
                    "active": each.active,
                    "too_old": each.too_old,
                }
                for each in facts.ages(audit)
            ],
        },
        "since": _change(facts.change) if facts.change else None,
        "notes": facts.all_notes(audit),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "when": timestamp(change.since),
        "accounts": change.accounts,
        "new": [lapse_id(each) for each in change.new],
        "mended": [
            {
                "id": each.id,
                "account": each.account,
                "rule": each.rule,
                "key_id": (each.key.key_id or None) if each.key else None,
                "user": each.key.user if each.key else None,
            }
            for each in change.mended
        ],
        "unjudged": [each.id for each in change.unjudged],
    }


def _account(judged: Judged) -> dict[str, Any]:
    account = judged.account
    return {
        "account": account.id,
        "partition": account.partition,
        "taken": timestamp(account.taken),
        "report_made": timestamp(account.as_of),
        "complete": not account.gaps,
        "users": account.users_in_all,
        "keys": [
            _key(key, user) | used.user_document(user) | used.key_document(key, user, account)
            for key, user in account.each_key()
        ],
        "root_use": used.root_document(account.root_use),
        "notes": list(account.notes),
    }


def _key(key: Key, user: User | None) -> dict[str, Any]:
    use, known = key.last_use, user.powers if user else None
    return {
        "key_id": key.key_id or None,
        "user": key.user,
        "arn": key.arn,
        "active": key.is_active,
        "created": timestamp(key.created),
        "last_used": {
            "when": timestamp(use.date),
            "service": None if use.service == "N/A" else use.service,
            "region": None if use.region == "N/A" else use.region,
        }
        if use
        else None,
        "powers": {
            "administrator": known.is_administrator,
            "escalations": list(known.escalations),
            "stores": list(known.stores),
            "services": list(known.services),
            "policies": list(known.granted_by),
        }
        if known
        else None,
    }


def _lapse(lapse: Lapse) -> dict[str, Any]:
    steps = lapse.steps()
    return {
        "id": lapse_id(lapse),
        "rule": lapse.rule.id,
        "title": lapse.rule.title,
        "severity": lapse.severity.label,
        "practices": list(lapse.rule.practices),
        "benchmarks": dict(lapse.rule.benchmarks),
        "link": address(lapse.rule),
        "help": page(lapse.rule),
        "account": lapse.account,
        "user": lapse.key.user if lapse.key else None,
        "key_id": (lapse.key.key_id or None) if lapse.key else None,
        "evidence": list(lapse.evidence),
        "remedy": {"cli": list(steps.cli), "terraform": steps.terraform, "console": steps.console},
    }
