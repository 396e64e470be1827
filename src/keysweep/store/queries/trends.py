"""How it goes: what was found, what became harmless, how long that took, and how much is open, week by week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from sqlalchemy import Connection, func, literal, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from keysweep.frozen import frozen
from keysweep.store.queries.chosen import bare
from keysweep.store.schema import leaks

WEEKS = 26
_MOST_TIMED = 10_000
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
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight - timedelta(days=now.weekday())
    begins = [last - timedelta(weeks=WEEKS - 1 - number) for number in range(WEEKS)]
    edges = [*begins, last + timedelta(weeks=1)]
    real = (
        bare(connection, "standing").not_in(_HARMLESS_FROM_BIRTH),
        bare(connection, "status") != "false",
    )
    found = _counts(connection, leaks.c.first_seen, edges, real)
    harmless = _counts(connection, leaks.c.contained, edges, real)
    contained = _counts(connection, leaks.c.contained, edges, (*real, leaks.c.usable.is_not(None)))
    times = _times(connection, begins[0])
    weeks = []
    standing = found[0] - harmless[0]
    for number, begin in enumerate(begins, 1):
        standing += found[number] - harmless[number]
        mine = [seconds for when, seconds in times if edges[number - 1] <= when < edges[number]]
        weeks.append(
            Week(begin, found[number], contained[number], standing, round(median(mine)) if mine else None)
        )
    taken = sorted(seconds for _, seconds in times)
    return Trends(
        tuple(weeks),
        len(taken),
        round(median(taken)) if taken else None,
        taken[min(len(taken) - 1, len(taken) * 9 // 10)] if taken else None,
    )


def _counts(
    connection: Connection,
    column: ColumnElement[datetime | None],
    edges: Sequence[datetime],
    where: Sequence[ColumnElement[bool]],
) -> list[int]:
    """How many are before the first edge, and between one and the next."""
    spans = [column < edges[0], *((column >= one) & (column < two) for one, two in pairwise(edges))]
    each = (
        select(literal(number), func.count()).select_from(leaks).where(span, *where)
        for number, span in enumerate(spans)
    )
    told = dict(connection.execute(union_all(*each)).tuples().all())
    return [told[number] for number in range(len(spans))]


def _times(connection: Connection, since: datetime) -> list[tuple[datetime, int]]:
    """When leaks were contained, and how many seconds after they were found: of the newest ones."""
    told = (
        select(leaks.c.contained, leaks.c.first_seen)
        .where(leaks.c.contained >= since, leaks.c.usable.is_not(None))
        .order_by(leaks.c.contained.desc())
        .limit(_MOST_TIMED)
    )
    rows = connection.execute(told).tuples()
    return [(end, max(0, round((end - begin).total_seconds()))) for end, begin in rows if end and begin]
