"""What has changed since the last run, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from keysweep.account.evidence import Key
from keysweep.account.judging.checks import Lapse
from keysweep.account.report.facts import Facts
from keysweep.account.runs.course import Change, Mended
from keysweep.report.style import Style, number_of
from keysweep.report.wrapping import beside, wrapped

_MOST_NAMED = 10


def change_lines(facts: Facts, style: Style) -> Iterator[str]:
    """What is new and what is mended, for people; nothing where there is nothing to compare with."""
    change = facts.change
    if change is None:
        return
    yield from wrapped(f"{told(change)}.", 0, style)
    for head, names in (("  new     ", new_names(change.new)), ("  mended  ", mended_names(change.mended))):
        for each in names:
            yield from beside(head, each, style)
            head = " " * len(head)
    yield ""


def told(change: Change) -> str:
    """How much has changed since when, as a clause."""
    what = [
        f"{len(change.new) or 'nothing'} new",
        f"{len(change.mended) or 'nothing'} mended",
        *([f"{len(change.unjudged)} not looked for again, or perhaps missed"] if change.unjudged else []),
    ]
    where = f" of {number_of(change.accounts, 'account')}" if change.accounts > 1 else ""
    return f"since the last complete run{where} on {change.since:%Y-%m-%d %H:%M} UTC: {', '.join(what)}"


def new_names(lapses: Iterable[Lapse]) -> list[str]:
    """The first of them, the most urgent ones."""
    return _cut([f"{each.rule.id}: {_named(each.key, each.account)}" for each in lapses])


def mended_names(mended: Iterable[Mended]) -> list[str]:
    """Those that can be named first, and how many of each rule are about keys that are gone."""
    several = list(mended)
    named = [f"{each.rule}: {_named(each.key, each.account)}" for each in several if not each.is_gone]
    gone = Counter(each.rule for each in several if each.is_gone)
    counted = (f"{rule}: {number_of(count, 'key')} that there is no more" for rule, count in sorted(gone.items()))
    return _cut([*named, *counted])


def _named(key: Key | None, account: str) -> str:
    if key is None:
        return f"account {account}"
    return f"{key.name} of {key.user}" if key.user and key.key_id else key.name


def _cut(names: list[str]) -> list[str]:
    if len(names) <= _MOST_NAMED:
        return names
    return [*names[:_MOST_NAMED], f"and {len(names) - _MOST_NAMED} more"]
