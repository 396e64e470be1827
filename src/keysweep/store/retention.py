"""What is old, taken out of the store: runs, and what is gone from every repository."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, false, func, not_, or_, select, text
from sqlalchemy.engine import CursorResult

from keysweep.frozen import frozen
from keysweep.standing import Standing
from keysweep.store.counting import count_anew
from keysweep.store.opening import Store
from keysweep.store.schema import decisions, keys, leaks, places, repositories, runs, tasks
from keysweep.store.words import index_anew

_USABLE = (Standing.LIVE, Standing.ACTIVE, Standing.WRONG_SECRET)
"""Standings in which somebody can use the key, wherever it went."""

_GOES_ON = timedelta(days=1)
"""A run that has said so within a day may still go on."""


@frozen
class Retention:
    """What may go."""

    keep_runs: int | None = None
    """Of each target the newest, and the newest that listed all; None for all."""
    gone_for: timedelta | None = None
    """Places, repositories and leaks may go that were gone for so long; None for none of them."""
    with_live: bool = False
    """Also leaks whose key somebody can use."""
    with_decided: bool = False
    """Also leaks that somebody has decided on."""


def prune(connection: Connection, retention: Retention, now: datetime) -> Mapping[str, int]:
    """Take out what is old; returns how many rows of each table went. It has to be alone (`Store.writing`)."""
    before = _counts(connection)
    if retention.keep_runs is not None:
        _runs(connection, retention.keep_runs, now)
    if retention.gone_for is not None:
        _gone(connection, retention, now - retention.gone_for)
    after = _counts(connection)
    return {table: before[table] - after[table] for table in before if before[table] != after[table]}


def _counts(connection: Connection) -> dict[str, int]:
    tables = (runs, tasks, repositories, places, leaks, keys, decisions)
    return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def _runs(connection: Connection, keep: int, now: datetime) -> None:
    """The newest run that listed all of its target stays: by it the next one tells what is gone."""
    newest_first = (runs.c.started.desc(), runs.c.id.desc())
    rank = func.row_number().over(partition_by=runs.c.target, order_by=newest_first)
    listed = func.row_number().over(partition_by=(runs.c.target, runs.c.listed), order_by=newest_first)
    ranked = select(
        runs.c.id, runs.c.listed, runs.c.ended, runs.c.beat, rank.label("rank"), listed.label("among_alike")
    ).subquery()
    may_go = (
        ranked.c.rank > keep,
        not_(and_(ranked.c.listed, ranked.c.among_alike == 1)),
        not_(and_(ranked.c.ended.is_(None), ranked.c.beat > now - _GOES_ON)),
    )
    _delete(connection, runs, runs.c.id.in_(select(ranked.c.id).where(*may_go)))


def _gone(connection: Connection, retention: Retention, since: datetime) -> None:
    kept = _kept(retention)
    _delete(connection, places, places.c.gone < since, places.c.leak_id.not_in(kept))
    with_kept = select(places.c.repository_id).where(places.c.leak_id.in_(kept))
    if _delete(connection, repositories, repositories.c.gone < since, repositories.c.id.not_in(with_kept)):
        count_anew(connection)
    index_anew(connection)
    stand_nowhere = leaks.c.id.not_in(select(places.c.leak_id))
    if _delete(connection, leaks, leaks.c.last_seen < since, stand_nowhere, leaks.c.id.not_in(kept)):
        leaked = select(leaks.c.key_id).where(leaks.c.key_id.is_not(None))
        _delete(connection, keys, keys.c.key_id.not_in(leaked))


def _kept(retention: Retention) -> Select[int]:
    """Leaks that stay, with all of their places, however long they are gone."""
    reasons: list[ColumnElement[bool]] = [false()]
    if not retention.with_live:
        reasons.append(leaks.c.standing.in_(_USABLE))
    if not retention.with_decided:
        reasons.append(or_(leaks.c.status != "open", leaks.c.id.in_(select(decisions.c.leak_id))))
    return select(leaks.c.id).where(or_(*reasons))


def _delete(connection: Connection, table: Table, *which: ColumnElement[bool]) -> int:
    done: CursorResult[Any] = connection.execute(delete(table).where(*which))
    return done.rowcount


def shrink(store: Store) -> None:
    """Give the room back to the system: SQLite keeps it in its file, PostgreSQL takes care of that by itself."""
    if store.is_sqlite:
        with store.outside() as connection:
            connection.execute(text("VACUUM"))
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
