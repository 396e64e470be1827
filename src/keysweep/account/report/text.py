"""An audit for people: each rule once, with the keys that break it and how to mend that."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TextIO

from keysweep.account.audit import Audit
from keysweep.account.judging.ages import Aged
from keysweep.account.judging.checks import Lapse
from keysweep.account.judging.rules import Rule
from keysweep.account.judging.words import some
from keysweep.account.practices import BY_NUMBER
from keysweep.account.references import address
from keysweep.account.report.changed import change_lines
from keysweep.account.report.facts import Facts
from keysweep.account.report.used import snippet_lines
from keysweep.findings import Severity
from keysweep.report.style import Style, number_of
from keysweep.report.wrapping import beside, wrapped

_MOST_KEYS = 20
"""Of one rule; the other formats have all."""
_COLOURS = {Severity.CRITICAL: "alarm", Severity.HIGH: "red", Severity.MEDIUM: "yellow"}


def render(audit: Audit, facts: Facts, stream: TextIO, *, is_file: bool) -> None:
    """Write it for people; a file is written for any terminal."""
    style = Style(width=100) if is_file else Style.detect(stream, os.environ)
    stream.write("".join(f"{line}\n" for line in lines(audit, facts, style)))


def lines(audit: Audit, facts: Facts, style: Style) -> Iterator[str]:
    """What is wrong, the most urgent first; ages; what has changed; what was not checked; a summary."""
    several = len(audit.judged) > 1
    for rule, group in groupby(_by_rule(audit.lapses), key=lambda it: it.rule):
        yield from _of_rule(rule, list(group), style, several=several)
        yield ""
    yield from snippet_lines(audit.lapses, style)
    yield from _of_ages(audit, facts, style)
    yield from change_lines(facts, style)
    if not audit.is_complete:
        yield style.paint("not checked:", "yellow")
        for account, told in unchecked(audit):
            where = f"account {account}: " if account and (several or audit.unreached) else ""
            yield from wrapped(f"{where}{told}", 2, style)
        yield ""
    for note in facts.all_notes(audit):
        yield from wrapped(f"note: {note}", 0, style)
    yield from wrapped(summary(audit), 0, style)


def _of_ages(audit: Audit, facts: Facts, style: Style) -> Iterator[str]:
    """How many active keys are how old, with what is too much in view."""
    ages = [each for each in facts.ages(audit) if each.active]
    if ages:
        told = ", ".join(f"{each.active} {_of_age(each)}" for each in ages)
        old = sum(each.too_old for each in ages)
        much = f"{old or 'none'} older than the {facts.bounds.most_days} days that are allowed"
        yield from beside("age of active keys: ", f"{told}; {much}", style)
        yield ""


def _of_age(aged: Aged) -> str:
    return f"of {aged.band.label}" if aged.band.most_days else f"whose age is {aged.band.label}"


def unchecked(audit: Audit) -> Iterator[tuple[str, str]]:
    """Everything that was not checked, with the account; that is empty for what concerns all."""
    for each in audit.unreached:
        name = f" ({each.name})" if each.name else ""
        leaked = f"; its own by their ID, and leaked: {some(each.leaks)}" if each.leaks else ""
        yield each.account, f"the account{name} could not be read: {each.reason}{leaked}"
    for account, gap in audit.each_gap():
        needs = f": needs {gap.needs}" if gap.needs else f" ({gap.reason})"
        yield account, f"{gap.what}{needs}"


def _by_rule(lapses: Sequence[Lapse]) -> list[Lapse]:
    """Those of one rule together, where its worst stands."""
    first: dict[str, int] = {}
    for number, each in enumerate(lapses):
        first.setdefault(each.rule.id, number)
    return sorted(lapses, key=lambda it: first[it.rule.id])


def _of_rule(rule: Rule, lapses: Sequence[Lapse], style: Style, *, several: bool) -> Iterator[str]:
    severity = max(each.severity for each in lapses)
    label = style.paint(severity.label.upper(), _COLOURS.get(severity, "bold"))
    count = f", {len(lapses)} of them" if len(lapses) > 1 else ""
    yield f"{label}  {rule.title}{count}  [{rule.id}]"
    practice = BY_NUMBER[rule.practices[0]]
    known = "".join(f"; {name} {number}" for name, number in rule.benchmarks)
    yield from beside("  why   ", f"{practice.why} (practice {practice.number}, {practice.name}{known})", style)
    for each in lapses[:_MOST_KEYS]:
        yield from beside("  what  ", f"{_about(each, several=several)}: {'; '.join(each.evidence)}", style)
    if len(lapses) > _MOST_KEYS:
        yield f"        and {len(lapses) - _MOST_KEYS} more: --format csv lists all"
    # A key of the root user is ended in another way than those of users, which may be as urgent.
    firsts = {bool(each.key and each.key.user is None): each for each in reversed(lapses)}
    for each in reversed(firsts.values()):
        yield from _step_lines(each, style)
    yield f"  see   {address(rule)}"


def _step_lines(lapse: Lapse, style: Style) -> Iterator[str]:
    """The three ways to mend it."""
    steps = lapse.steps()
    for command in steps.cli:
        yield f"  do    {style.safe(command)}"
    yield from beside("  or    " if steps.cli else "  do    ", steps.console, style)
    yield from beside("  code  ", f"Terraform: {steps.terraform}", style)


def _about(lapse: Lapse, *, several: bool) -> str:
    key = lapse.key
    if key is None:
        return f"account {lapse.account}"
    name = f"{key.name} of {key.user}" if key.user and key.key_id else key.name
    return f"{name} in {lapse.account}" if several else name


def summary(audit: Audit) -> str:
    """One sentence that never hides that not everything was checked."""
    keys = [key for key, _ in audit.each_key()]
    active = sum(key.is_active for key in keys)
    users = sum(each.account.users_in_all for each in audit.judged)
    counts = Counter(each.severity for each in audit.lapses)
    told = ", ".join(f"{counts[level]} {level.label}" for level in sorted(counts, reverse=True))
    facts = [
        f"{number_of(len(keys), 'key')}, {active} active, of {number_of(users, 'user')}",
        told or "nothing to do",
    ]
    if audit.leaks:
        here = len(audit.leaks) - audit.foreign
        belongs = "them" if len(audit.judged) > 1 else "it"
        facts.append(f"{here} of {number_of(len(audit.leaks), 'leaked key')} known here belong to {belongs}")
    if audit.unreached:
        facts.append(f"{number_of(len(audit.unreached), 'account')} could not be read")
    if audit.closed:
        facts.append(f"{number_of(len(audit.closed), 'account')} suspended or closed, where no key works")
    if not audit.is_complete:
        facts.append("not everything was checked")
    return f"keysweep: {_accounts(audit)}: {'; '.join(facts)}."


def _accounts(audit: Audit) -> str:
    if len(audit.judged) == 1:
        (only,) = audit.judged
        return f"account {only.account.id} ({only.account.partition})"
    return number_of(len(audit.judged), "account")
