"""Leaks in an order, a page at a time; and how many there are, up to what a page has to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, literal, literal_column, select, tuple_
from sqlalchemy.engine import Row

from keysweep.frozen import frozen
from keysweep.store.queries.chosen import Conditions
from keysweep.store.schema import Moment, keys, leaks, places, repositories

PER_PAGE = 50
MOST_COUNTED = 10_000
ORDERS = ("urgent", "newest", "oldest")
"""How leaks can be sorted; each is an index."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = {
    "urgent": (leaks.c.severity, leaks.c.first_seen, leaks.c.id),
    "newest": (leaks.c.first_seen, leaks.c.id),
    "oldest": (leaks.c.first_seen, leaks.c.id),
}


@frozen
class Listed:
    """A page of leaks."""

    rows: tuple[Row[Any], ...]
    following: str
    """Where the next page begins; empty where there is none."""


def listed(
    connection: Connection,
    chosen: Conditions,
    order: str,
    after: str = "",
    most: int = PER_PAGE,
    repository_id: int | None = None,
) -> Listed:
    """The leaks that are wanted, in an order of `ORDERS`, from where the page before ended.

    Each comes with one place of it; with `repository_id` in that repository.
    """
    columns = _COLUMNS[order]
    query = select(*columns).where(*chosen.where)
    begin = _read(after, len(columns))
    if begin:
        here = tuple_(*columns)
        query = query.where(here > tuple_(*begin) if order == "oldest" else here < tuple_(*begin))
    sorted_by = columns if order == "oldest" else [each.desc() for each in columns]
    found = list(connection.execute(query.order_by(*sorted_by).limit(most + 1)))
    rows = {row.id: row for row in connection.execute(_shown([each.id for each in found[:most]], repository_id))}
    following = _written(found[most - 1]) if len(found) > most else ""
    return Listed(tuple(rows[each.id] for each in found[:most] if each.id in rows), following)


def count(connection: Connection, chosen: Conditions) -> int:
    """How many there are, but no more than one above `MOST_COUNTED`."""
    some = select(literal_column("1")).select_from(leaks).where(*chosen.where).limit(MOST_COUNTED + 1).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _shown(ids: Sequence[int], repository_id: int | None) -> Select[Any]:
    """What a list shows of leaks, with one place of each."""
    there = select(places.c.id).where(places.c.leak_id == leaks.c.id, places.c.gone.is_(None))
    if repository_id is not None:
        there = there.where(places.c.repository_id == repository_id)
    first = there.order_by(places.c.repository_id, places.c.id).limit(1).correlate(leaks).scalar_subquery()
    account = func.coalesce(keys.c.account_id, leaks.c.account_id).label("account")
    return (
        select(
            leaks.c.id,
            leaks.c.fingerprint,
            leaks.c.kind,
            leaks.c.rule,
            leaks.c.key_id,
            leaks.c.severity,
            leaks.c.standing,
            leaks.c.status,
            leaks.c.status_until,
            leaks.c.assignee,
            leaks.c.first_seen,
            leaks.c.places.label("place_count"),
            leaks.c.repositories.label("repository_count"),
            account,
            keys.c.owner,
            places.c.path,
            places.c.members,
            places.c.source,
            places.c.line,
            places.c.author,
            repositories.c.id.label("repository_id"),
            repositories.c.name.label("repository"),
        )
        .outerjoin(keys, keys.c.key_id == leaks.c.key_id)
        .outerjoin(places, places.c.id == first)
        .outerjoin(repositories, repositories.c.id == places.c.repository_id)
        .where(leaks.c.id.in_(ids))
    )


def _written(row: Row[Any]) -> str:
    return "~".join(str(_microseconds(each) if isinstance(each, datetime) else each) for each in row)


def _microseconds(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1)


def _read(after: str, count: int) -> list[Any]:
    """Where a page begins; nothing for what no page ever said."""
    try:
        numbers = [int(each) for each in after.split("~")]
        if len(numbers) != count or max(map(abs, numbers)) >= 1 << 62:
            return []
        when = _EPOCH + timedelta(microseconds=numbers[-2])
    except (ValueError, OverflowError):
        return []
    return [*map(literal, numbers[:-2]), literal(when, Moment), literal(numbers[-1])]
