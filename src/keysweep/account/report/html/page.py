"""HTML for whoever looks after accounts: one file that works offline, and without its script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from keysweep.account.audit import Audit
from keysweep.account.report.changed import mended_names, new_names, told
from keysweep.account.report.facts import Facts
from keysweep.account.report.html.rows import account_rows, key_rows, lapse_row, rule_rows
from keysweep.account.report.html.words import TONES, headline, lead, tone
from keysweep.account.report.text import unchecked
from keysweep.findings import Severity
from keysweep.report.html.frame import shown, write
from keysweep.report.html.groups import MOST_ROWS, share

_PACKAGE = "keysweep.account.report.html"
_MOST_FIRST = 10
_MOST_LISTED = 500
"""What was not checked: beyond that a list helps nobody."""
_MOST_OPEN = 1
"""Accounts whose problems are open from the beginning."""
_LEAST = 10
_COLUMNS = (
    ("severity", "Severity"),
    ("key", "Key"),
    ("account", "Account"),
    ("age", "Age"),
    ("used", "Last used"),
    ("may", "User may"),
    ("wrong", "What is wrong"),
)


def render(audit: Audit, facts: Facts, stream: TextIO) -> None:
    """Write the page; it holds no secret."""
    write(stream, _PACKAGE, _values(audit, facts))


def _values(audit: Audit, facts: Facts) -> dict[str, Any]:
    missing = list(_together(unchecked(audit)))
    lapses = audit.lapses
    worst = [each for each in lapses if each.severity >= Severity.HIGH] or lapses
    change = facts.change
    values = {
        "headline": headline(audit),
        "lead": lead(audit),
        "tone": tone(audit),
        "made": f"{facts.now:%Y-%m-%dT%H:%M:%SZ}",
        "made_day": f"{facts.now:%Y-%m-%d %H:%M}",
        "bounds": _bounds(facts),
        "fail_on": facts.fail_on.label,
        "missing": missing[:_MOST_LISTED],
        "missing_more": max(0, len(missing) - _MOST_LISTED),
        "unreached": len(audit.unreached),
        "complete": audit.is_complete,
        "accounts_read": [each.account.id for each in audit.judged][:3],
        "accounts_number": len(audit.judged),
        "tiles": _tiles(audit),
        "rules": rule_rows(audit),
        "rule_bars": _bars((each.rule.id, each.severity is Severity.CRITICAL) for each in lapses if each.key),
        "account_bars": _bars((each.account, each.severity is Severity.CRITICAL) for each in lapses)[:MOST_ROWS],
        "account_more": max(0, len({each.account for each in lapses}) - MOST_ROWS),
        "ages": _ages(audit, facts),
        "most_days": facts.bounds.most_days,
        "change": told(change) if change else "",
        "new": new_names(change.new) if change else [],
        "mended": mended_names(change.mended) if change else [],
        "first": [lapse_row(each) for each in worst[:_MOST_FIRST]],
        "first_more": len(lapses) - len(worst[:_MOST_FIRST]),
        "lapses_total": len(lapses),
        "keys": list(key_rows(audit, facts)),
        "columns": [list(each) for each in _COLUMNS],
        "severities": [level.label for level in sorted(Severity, reverse=True) if level is not Severity.INFO],
        "accounts": account_rows(audit),
        "opened": len(audit.judged) <= _MOST_OPEN,
        "notes": facts.all_notes(audit),
    }
    return dict(shown(values))


def _together(missing: Iterable[tuple[str, str]]) -> Iterable[dict[str, str]]:
    """What is missing of many accounts for the same reason, in one line."""
    accounts: dict[str, list[str]] = {}
    for account, what in missing:
        accounts.setdefault(what, []).append(account)
    for what, several in accounts.items():
        named = [each for each in several if each]
        more = f" and {len(named) - 3} more accounts" if len(named) > 3 else ""
        yield {"what": what, "accounts": f"{', '.join(named[:3])}{more}"}


def _bounds(facts: Facts) -> str:
    bounds = facts.bounds
    return f"{bounds.most_days} days of age, {bounds.idle_days} unused, {bounds.kept_days} kept"


def _tiles(audit: Audit) -> list[dict[str, Any]]:
    counts = Counter(each.severity for each in audit.lapses)
    return [
        {"label": level.label, "count": counts[level], "tone": TONES[level]}
        for level in sorted(counts, reverse=True)
    ]


def _bars(of: Iterable[tuple[str, bool]]) -> list[dict[str, Any]]:
    """Values with how many lapses each has, and how many of these are critical, the worst first."""
    counts: Counter[str] = Counter()
    urgent: Counter[str] = Counter()
    for value, is_urgent in of:
        counts[value] += 1
        urgent[value] += is_urgent
    order = sorted(counts, key=lambda value: (-urgent[value], -counts[value], value))
    highest = max(counts.values(), default=1)
    return [_bar(value, value, counts, urgent, highest) for value in order]


def _ages(audit: Audit, facts: Facts) -> list[dict[str, Any]]:
    ages = [each for each in facts.ages(audit) if each.keys]
    counts = {each.band.name: each.active for each in ages}
    old = {each.band.name: each.too_old for each in ages}
    highest = max(counts.values(), default=1)
    rows = [_bar(each.band.name, each.band.label, counts, old, highest) for each in ages]
    return [{**row, "inactive": each.keys - each.active} for row, each in zip(rows, ages, strict=True)]


def _bar(
    value: str, label: str, counts: Mapping[str, int], urgent: Mapping[str, int], highest: int
) -> dict[str, Any]:
    return {
        "value": value,
        "label": label,
        "count": counts[value],
        "urgent": urgent[value],
        "share": share(counts[value], highest, _LEAST),
        "urgent_share": share(urgent[value], highest, _LEAST),
    }
