"""What the page lists, as plain values: keys, what is wrong with each, and the accounts that have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from keysweep.account.audit import Audit, Judged
from keysweep.account.evidence import Key, User
from keysweep.account.judging.ages import band_of, is_too_old
from keysweep.account.judging.checks import Lapse
from keysweep.account.judging.identity import lapse_id
from keysweep.account.judging.rules import Rule
from keysweep.account.practices import BY_NUMBER
from keysweep.account.references import address
from keysweep.account.report.facts import Facts
from keysweep.account.report.html.words import TONES, age, may, used
from keysweep.findings import Severity

_NO_SEVERITY = "none"
_MOST_SNIPPETS = 100
"""Keys with all that replaces them, the most urgent ones; the JSON report has the others."""


def lapse_row(lapse: Lapse, *, is_whole: bool = True) -> dict[str, Any]:
    """What is wrong, with evidence and the ways to mend it; the snippets for it only where it is whole."""
    steps, instead = lapse.steps(), lapse.replacement
    return {
        "id": lapse_id(lapse),
        "rule": lapse.rule.id,
        "title": lapse.rule.title,
        "severity": lapse.severity.label,
        "tone": TONES[lapse.severity],
        "account": lapse.account,
        "key": lapse.key.name if lapse.key else "the account",
        "user": lapse.key.user or "" if lapse.key and lapse.key.key_id else "",
        "evidence": list(lapse.evidence),
        "cli": list(steps.cli),
        "terraform": steps.terraform,
        "console": steps.console,
        "instead": instead.title if instead else "",
        "snippets": [each.splitlines() for each in instead.snippets] if instead and is_whole else [],
    }


def key_rows(audit: Audit, facts: Facts) -> Iterator[dict[str, Any]]:
    """Every key of all accounts, those with the most urgent problems first."""
    urgency = {lapse_id(lapse): number for number, lapse in enumerate(audit.lapses)}
    made = [row for judged in audit.judged for row in _keys_of(judged, facts)]

    def order(row: Mapping[str, Any]) -> tuple[Any, ...]:
        worst = min((urgency[each["id"]] for each in row["lapses"]), default=len(audit.lapses))
        return worst, -row["days"], row["account"], row["user"], row["key"]

    yield from sorted(made, key=order)


def _keys_of(judged: Judged, facts: Facts) -> Iterator[dict[str, Any]]:
    broken: dict[Key, list[Lapse]] = {}
    for lapse in judged.lapses:
        if lapse.key:
            broken.setdefault(lapse.key, []).append(lapse)
    for key, user in judged.account.each_key():
        yield _key_row(key, user, judged, broken.get(key, ()), facts)


def _key_row(key: Key, user: User | None, judged: Judged, lapses: Sequence[Lapse], facts: Facts) -> dict[str, Any]:
    now = judged.account.taken
    known = key.age(now)
    worst = max((each.severity for each in lapses), default=None)
    when, where = used(key)
    return {
        "key": key.key_id or "ID not known",
        "user": key.user or "root",
        "account": judged.account.id,
        "active": key.is_active,
        "severity": worst.label if worst is not None else _NO_SEVERITY,
        "rank": int(worst) if worst is not None else -1,
        **_told(worst, is_known=_is_known(key, user) and not judged.account.gaps),
        "age": age(key, now),
        "days": known.days if known is not None else -1,
        "band": band_of(key, now).name,
        "too_old": key.is_active and is_too_old(key, now, facts.bounds.most_days),
        "created": f"{key.created:%Y-%m-%d}" if key.created else "",
        "used": when,
        "where": where,
        "may": may(user.powers) if user else "everything",
        "lapses": [{"id": lapse_id(each), "rule": each.rule.id, "title": each.rule.title} for each in lapses],
    }


def _told(worst: Severity | None, *, is_known: bool) -> dict[str, str]:
    """How it stands, in a word; a key of which something is not known is never said to be in order."""
    if worst is not None:
        return {"told": worst.label, "tone": TONES[worst]}
    return {"told": "fine", "tone": "good"} if is_known else {"told": "not all known", "tone": "warn"}


def _is_known(key: Key, user: User | None) -> bool:
    return key.created is not None and key.last_use is not None and (user is None or user.powers is not None)


def account_rows(audit: Audit) -> list[dict[str, Any]]:
    """The accounts, those with the worst problems first."""
    replaceable = [lapse_id(each) for each in audit.lapses if each.replacement]
    whole = frozenset(replaceable[:_MOST_SNIPPETS])
    made = [_account_row(each, whole) for each in audit.judged]
    return sorted(made, key=lambda row: ([-count for _, count, _ in row["severities"]], row["id"]))


def _account_row(judged: Judged, whole: Collection[str]) -> dict[str, Any]:
    account = judged.account
    keys = [key for key, _ in account.each_key()]
    counts = Counter(lapse.severity for lapse in judged.lapses)
    return {
        "id": account.id,
        "partition": account.partition,
        "taken": f"{account.taken:%Y-%m-%d %H:%M}",
        "as_of": f"{account.as_of:%Y-%m-%d %H:%M}" if account.as_of else "",
        "keys": len(keys),
        "active": sum(key.is_active for key in keys),
        "users": account.users_in_all,
        "severities": [(level.label, counts[level], TONES[level]) for level in sorted(TONES, reverse=True)],
        "gaps": len(account.gaps),
        "lapses": [lapse_row(each, is_whole=lapse_id(each) in whole) for each in judged.lapses],
    }


def rule_rows(audit: Audit) -> list[dict[str, Any]]:
    """The rules that are broken, the worst first, each with why it matters."""
    counts: Counter[str] = Counter()
    rules: dict[str, Rule] = {}
    for lapse in audit.lapses:
        counts[lapse.rule.id] += 1
        rules.setdefault(lapse.rule.id, lapse.rule)
    return [_rule_row(rule, counts) for rule in rules.values()]


def _rule_row(rule: Rule, counts: Mapping[str, int]) -> dict[str, Any]:
    practice = BY_NUMBER[rule.practices[0]]
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity.label,
        "tone": TONES[rule.severity],
        "count": counts[rule.id],
        "why": practice.why,
        "practices": [f"{number} {BY_NUMBER[number].name}" for number in rule.practices],
        "benchmarks": [f"{name} {number}" for name, number in rule.benchmarks],
        "link": address(rule),
    }
