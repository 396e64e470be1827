"""What `keysweep account` found, as text, as data and as a table: what is worst first."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, TextIO

from keysweep.account.checks import Lapse, Leak
from keysweep.account.evidence import Account, Key, User
from keysweep.account.practices import BY_NUMBER, Rule
from keysweep.cli.wrapping import beside, wrapped
from keysweep.findings import Severity
from keysweep.frozen import frozen
from keysweep.report.json import timestamp
from keysweep.report.style import Style, number_of

FORMAT, VERSION = "keysweep-account", 1
_MOST_KEYS = 20
"""Of one rule, in the text for people; the other formats have all."""
_COLOURS = {Severity.CRITICAL: "alarm", Severity.HIGH: "red", Severity.MEDIUM: "yellow"}
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


@frozen
class Judged:
    """An account and what was found in it."""

    account: Account
    lapses: tuple[Lapse, ...]
    leaks: Mapping[str, Leak]

    @property
    def foreign(self) -> int:
        """Leaked keys that this account does not have."""
        return len(self.leaks.keys() - {key.key_id for key, _ in self.account.each_key()})


def write(judged: Judged, stream: TextIO, *, form: str, is_file: bool) -> None:
    """Write it as `text`, `json` or `csv`."""
    if form == "json":
        json.dump(document(judged), stream, indent=2)
        stream.write("\n")
    elif form == "csv":
        rows = csv.DictWriter(stream, _COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\n")
        rows.writeheader()
        rows.writerows(map(_row, judged.lapses))
    else:
        style = Style(width=100) if is_file else Style.detect(stream, os.environ)
        stream.write("".join(f"{line}\n" for line in as_text(judged, style)))


def as_text(judged: Judged, style: Style) -> Iterator[str]:
    """For people: each rule once, with the keys that break it and how to mend that."""
    for rule, group in groupby(_by_rule(judged.lapses), key=lambda it: it.rule):
        yield from _of_rule(rule, list(group), style)
        yield ""
    if judged.account.gaps:
        yield style.paint("not checked:", "yellow")
        for gap in judged.account.gaps:
            needs = f": needs {gap.needs}" if gap.needs else f" ({gap.reason})"
            yield from wrapped(f"{gap.what}{needs}", 2, style)
        yield ""
    yield from wrapped(_summary(judged), 0, style)


def _by_rule(lapses: Sequence[Lapse]) -> list[Lapse]:
    """Those of one rule together, where its worst stands."""
    first: dict[str, int] = {}
    for number, each in enumerate(lapses):
        first.setdefault(each.rule.id, number)
    return sorted(lapses, key=lambda it: first[it.rule.id])


def _of_rule(rule: Rule, lapses: Sequence[Lapse], style: Style) -> Iterator[str]:
    severity = max(each.severity for each in lapses)
    label = style.paint(severity.label.upper(), _COLOURS.get(severity, "bold"))
    count = f", {len(lapses)} of them" if len(lapses) > 1 else ""
    yield f"{label}  {rule.title}{count}  [{rule.id}]"
    practice = BY_NUMBER[rule.practices[0]]
    known = "".join(f"; {name} {number}" for name, number in rule.benchmarks)
    yield from beside("  why   ", f"{practice.why} (practice {practice.number}, {practice.name}{known})", style)
    for each in lapses[:_MOST_KEYS]:
        yield from beside("  what  ", f"{_about(each)}: {'; '.join(each.evidence)}", style)
    if len(lapses) > _MOST_KEYS:
        yield f"        and {len(lapses) - _MOST_KEYS} more: --format csv lists all"
    steps = lapses[0].steps()
    for command in steps.cli:
        yield f"  do    {style.safe(command)}"
    yield from beside("  or    " if steps.cli else "  do    ", steps.console, style)


def _about(lapse: Lapse) -> str:
    key = lapse.key
    if key is None:
        return f"account {lapse.account}"
    return f"{key.name} of {key.user}" if key.user and key.key_id else key.name


def _summary(judged: Judged) -> str:
    account = judged.account
    keys = [key for key, _ in account.each_key()]
    active = sum(key.is_active for key in keys)
    counts = Counter(each.severity for each in judged.lapses)
    told = ", ".join(f"{counts[level]} {level.label}" for level in sorted(counts, reverse=True))
    facts = [
        f"{number_of(len(keys), 'key')}, {active} active, of {number_of(account.users_in_all, 'user')}",
        told or "nothing to do",
    ]
    if judged.leaks:
        here = len(judged.leaks) - judged.foreign
        facts.append(f"{here} of {number_of(len(judged.leaks), 'leaked key')} known here belong to it")
    if account.gaps:
        facts.append("not everything was checked")
    return f"keysweep: account {account.id} ({account.partition}): {'; '.join(facts)}."


def document(judged: Judged) -> dict[str, Any]:
    """As data: every key, every rule that one breaks, everything that was not checked."""
    account = judged.account
    return {
        "format": FORMAT,
        "version": VERSION,
        "account": account.id,
        "partition": account.partition,
        "taken": timestamp(account.taken),
        "report_made": timestamp(account.as_of),
        "complete": not account.gaps,
        "users": account.users_in_all,
        "keys": [_key(key, user) for key, user in account.each_key()],
        "lapses": [_lapse(each) for each in judged.lapses],
        "not_checked": [
            {"what": each.what, "needs": each.needs or None, "reason": each.reason} for each in account.gaps
        ],
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
        "rule": lapse.rule.id,
        "title": lapse.rule.title,
        "severity": lapse.severity.label,
        "practices": list(lapse.rule.practices),
        "benchmarks": dict(lapse.rule.benchmarks),
        "user": lapse.key.user if lapse.key else None,
        "key_id": (lapse.key.key_id or None) if lapse.key else None,
        "evidence": list(lapse.evidence),
        "remedy": {"cli": list(steps.cli), "terraform": steps.terraform, "console": steps.console},
    }


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
