"""How it goes: what was found, what became harmless, how long that took, and how much is open, week by week."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from sqlalchemy import Connection, extract, func, literal, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from keysweep.frozen import frozen
from keysweep.store.queries.chosen import bare
from keysweep.store.schema import leaks

WEEKS = 26
_MOST_TIMED = 5_000
_HARMLESS_FROM_BIRTH = ("canary", "example")


@frozen
class Week:
    """Seven days."""

    begin: datetime
    found: int
    contained: int
    """Leaks that somebody could use, and then could not."""
    open: int
    """At its end, leaks that were not known to be harmless."""
    median_seconds: int | None
    """From when a sweep found a leak until it was contained, for those contained in this week."""


@frozen
class Trends:
    """The weeks, the newest last, and how long containing took over all of them."""

    weeks: tuple[Week, ...]
    timed: int
    """How many leaks the times are of."""
    median_seconds: int | None
    ninth_seconds: int | None
    """Nine of ten took no longer."""


def trends(connection: Connection, now: datetime) -> Trends:
    """The last half year, up to the end of this week, which begins on Monday."""
    edges = edges_of_weeks(now)
    begins = edges[:-1]
    found = [each for each, _ in by_week(connection, leaks.c.first_seen, edges)]
    harmless, contained = zip(*by_week(connection, leaks.c.contained, edges), strict=True)
    times: dict[int, list[int]] = {number: [] for number in range(1, len(edges))}
    starts = [each.timestamp() for each in edges]
    for end, seconds in times_to_contain(connection, begins[0]):
        times[min(bisect_right(starts, end), WEEKS)].append(seconds)
    weeks = []
    standing = found[0] - harmless[0]
    for number, begin in enumerate(begins, 1):
        standing += found[number] - harmless[number]
        taken = times[number]
        weeks.append(Week(begin, found[number], contained[number], standing, _share(taken, 0.5)))
    every = [seconds for week in times.values() for seconds in week]
    return Trends(tuple(weeks), len(every), _share(every, 0.5), _share(every, 0.9))


def _share(seconds: Sequence[int], share: float) -> int | None:
    """The least time in which that share of them was done."""
    return sorted(seconds)[max(0, ceil(len(seconds) * share) - 1)] if seconds else None


def edges_of_weeks(now: datetime) -> list[datetime]:
    """When the weeks begin, and when the last one ends."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight - timedelta(days=now.weekday())
    return [last - timedelta(weeks=number) for number in range(WEEKS - 1, -2, -1)]


def by_week(
    connection: Connection, column: ColumnElement[datetime | None], edges: Sequence[datetime]
) -> list[tuple[int, int]]:
    """How many are before the first edge, and between one and the next; and how many of them were usable once."""
    where = (
        bare(connection, "standing").not_in(_HARMLESS_FROM_BIRTH),
        bare(connection, "status") != "false",
    )
    spans = [column < edges[0], *((column >= one) & (column < two) for one, two in pairwise(edges))]
    each = (
        select(literal(number), func.count(), func.count(leaks.c.usable)).select_from(leaks).where(span, *where)
        for number, span in enumerate(spans)
    )
    return [(row[1], row[2]) for row in sorted(connection.execute(union_all(*each)))]


def times_to_contain(connection: Connection, since: datetime) -> list[tuple[int, int]]:
    """When leaks were contained, in seconds since 1970, and how long after they were found: of the newest ones."""
    told = (
        select(extract("epoch", leaks.c.contained), extract("epoch", leaks.c.first_seen))
        .where(leaks.c.contained >= since, leaks.c.usable.is_not(None))
        .order_by(leaks.c.contained.desc())
        .limit(_MOST_TIMED)
    )
    rows = connection.execute(told)
    return [(int(end), max(0, int(end - begin))) for end, begin in rows]
