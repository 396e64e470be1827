"""The page's own words: what it says first, and what it calls things."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from keysweep.account.audit import Audit
from keysweep.account.evidence import Key, Powers
from keysweep.account.judging import rules
from keysweep.findings import Severity
from keysweep.report.style import number_of

TONES = {
    Severity.CRITICAL: "alarm",
    Severity.HIGH: "alarm",
    Severity.MEDIUM: "warn",
    Severity.LOW: "quiet",
    Severity.INFO: "quiet",
}
_LIVE_LEAKS = frozenset({rules.LEAKED, rules.USED_AFTER_LEAK})


def headline(audit: Audit) -> str:
    """The one thing that has to be known: what leaked and works, else how much is wrong, else that all is well."""
    leaked = {lapse.key for lapse in audit.lapses if lapse.rule in _LIVE_LEAKS}
    if live := sum(key is not None and key.is_active for key in leaked):
        return f"{number_of(live, 'leaked key')} {'is' if live == 1 else 'are'} active"
    counts = Counter(lapse.severity for lapse in audit.lapses)
    if counts:
        worst = max(counts)
        more = f", {len(audit.lapses)} in all" if len(audit.lapses) > counts[worst] else ""
        return f"{number_of(counts[worst], f'{worst.label} problem')}{more}"
    return "Nothing is wrong" if audit.is_complete else "Nothing found, but not everything was checked"


def tone(audit: Audit) -> str:
    """How alarming the headline is."""
    worst = max((lapse.severity for lapse in audit.lapses), default=None)
    if worst is None:
        return "good" if audit.is_complete else "warn"
    return TONES[worst] if worst >= Severity.MEDIUM else "warn"


def lead(audit: Audit) -> str:
    """How much was looked at."""
    keys = [key for key, _ in audit.each_key()]
    active = sum(key.is_active for key in keys)
    users = sum(each.account.users_in_all for each in audit.judged)
    told = f"{number_of(len(keys), 'key')}, {active} active, of {number_of(users, 'user')}"
    if len(audit.judged) != 1:
        told += f" in {number_of(len(audit.judged), 'account')}"
    if audit.unreached:
        told += f"; {number_of(len(audit.unreached), 'account')} could not be read"
    if audit.closed:
        told += f"; {number_of(len(audit.closed), 'account')} suspended or closed, where no key works"
    return f"{told}."


def may(powers: Powers | None) -> str:
    """What the user of a key may do, in a word or two."""
    if powers is None:
        return "not known"
    if powers.is_administrator:
        return "everything"
    if powers.escalations:
        return "give itself more"
    if powers.stores:
        return "read data"
    return "something" if powers.services else "nothing"


def used(key: Key) -> tuple[str, str]:
    """When it was last used, and where."""
    use = key.last_use
    if use is None:
        return "not known", ""
    if use.date is None:
        return "never", ""
    where = [part for part in (use.service, use.region) if part != "N/A"]
    return f"{use.date:%Y-%m-%d}", " in ".join(where)


def age(key: Key, now: datetime) -> str:
    """How old it is."""
    known = key.age(now)
    return number_of(max(0, known.days), "day") if known is not None else "not known"
