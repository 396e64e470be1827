"""Leaks counted by what somebody who decides asks first: how they stand, where, whose, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from keysweep.frozen import frozen, replace
from keysweep.report.decisions import MEANINGS
from keysweep.report.html.leaks import Leak
from keysweep.standing import Standing

MOST_ROWS = 8
_LEAST = 10


@frozen
class Row:
    """One value and how many leaks have it."""

    value: str
    """What the page filters by."""
    label: str
    count: int
    urgent: int
    """How many of them are live."""
    share: int
    """Per mille of the longest row."""
    urgent_share: int = 0
    """The live ones, in the same measure."""
    tone: str = ""


@frozen
class Group:
    """Leaks by one property."""

    name: str
    """What the page calls the property in its filters and links."""
    title: str
    rows: tuple[Row, ...]
    more: int
    """How many values have no row."""


@frozen
class Age:
    """A span of days that exposure is counted by."""

    name: str
    label: str
    below_days: int | None


AGES = (
    Age("day", "under a day", 1),
    Age("week", "a day to a week", 7),
    Age("month", "a week to a month", 31),
    Age("quarter", "one to three months", 92),
    Age("year", "three months to a year", 366),
    Age("years", "over a year", None),
)
UNDATED = Age("unknown", "not known", None)


def age_of(leak: Leak, now: datetime) -> Age:
    """Which span its exposure falls into."""
    days = leak.age_days(now)
    if days is None:
        return UNDATED
    return next(each for each in AGES if each.below_days is None or days < each.below_days)


def groups(leaks: Sequence[Leak], now: datetime) -> tuple[Group, ...]:
    """The groups in the order in which they are asked for, the status first."""
    ages = {each.name: each.label for each in (*AGES, UNDATED)}
    standings = {each.value: MEANINGS[each] for each in Standing}
    by_status = _group("status", "By status", leaks, lambda leak: (leak.standing.value,))
    by_age = _group("age", "By age of exposure", leaks, lambda leak: (age_of(leak, now).name,))
    return (
        _in_order(by_status, list(standings), {name: each.label for name, each in standings.items()}),
        _group("account", "By account", leaks, lambda leak: (leak.account,), MOST_ROWS),
        _group("repository", "By repository", leaks, lambda leak: leak.repositories, MOST_ROWS),
        _group("author", "By author", leaks, lambda leak: leak.authors, MOST_ROWS),
        _in_order(by_age, list(ages), ages),
    )


def _in_order(group: Group, order: Sequence[str], labels: Mapping[str, str]) -> Group:
    """The group with its rows in an order of its own, and called what people read."""
    tones = {each.value: MEANINGS[each].tone for each in Standing}
    ordered = sorted(group.rows, key=lambda row: order.index(row.value))
    return replace(
        group,
        rows=tuple(replace(row, label=labels[row.value], tone=tones.get(row.value, "")) for row in ordered),
    )


def _group(
    name: str,
    title: str,
    leaks: Sequence[Leak],
    values: Callable[[Leak], Iterable[str]],
    most: int | None = None,
) -> Group:
    counts: Counter[str] = Counter()
    urgent: Counter[str] = Counter()
    for leak in leaks:
        for value in values(leak):
            counts[value] += 1
            urgent[value] += leak.standing is Standing.LIVE
    ordered = sorted(counts, key=lambda value: (-urgent[value], -counts[value], value))
    highest = max(counts.values(), default=1)
    return Group(
        name,
        title,
        tuple(
            Row(
                each,
                each,
                counts[each],
                urgent[each],
                share(counts[each], highest, _LEAST),
                share(urgent[each], highest, _LEAST),
            )
            for each in ordered[:most]
        ),
        max(0, len(ordered) - most) if most else 0,
    )


def share(count: int, highest: int, least: int) -> int:
    """Per mille of the highest; what is there has `least`, so that it is seen beside something much higher."""
    return max(least, round(count / highest * 1000)) if count else 0
