"""What a store need not keep for ever: old runs, what is gone for long, and leaks that stand nowhere any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from keysweep.frozen import frozen
from keysweep.standing import Standing
from keysweep.store.counting import count_anew
from keysweep.store.opening import Store
from keysweep.store.schema import containments, decisions, keys, leaks, places, repositories, runs, tasks


@frozen
class Rules:
    """What may go."""

    keep_runs: int | None = None
    """The newest runs of each target stay; None for all."""
    gone_before: datetime | None = None
    """Repositories and places that are gone since before that go, and leaks that are nowhere then."""
    even_live: bool = False
    """Leaks of keys that somebody can use, too."""
    even_decided: bool = False
    """Leaks of which people said something, too."""


def prune(connection: Connection, rules: Rules) -> dict[str, int]:
    """Take out what may go; returns how many rows of each table that were.

    A leak that stays keeps all of its places, and these their repositories.
    """
    gone: dict[str, int] = {}
    if rules.keep_runs is not None:
        gone |= _prune_runs(connection, max(1, rules.keep_runs))
    if rules.gone_before is not None:
        gone |= _prune_gone(connection, rules, rules.gone_before)
    return {name: number for name, number in gone.items() if number}


def shrink(store: Store) -> None:
    """Give the room of what was taken out back to the system, which PostgreSQL does by itself in time."""
    if store.is_sqlite:
        with store.plain() as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _prune_runs(connection: Connection, keep: int) -> dict[str, int]:
    newest_first = func.row_number().over(partition_by=runs.c.target, order_by=(runs.c.started.desc(), runs.c.id))
    ranked = select(runs.c.id, newest_first.label("rank")).subquery()
    old = select(ranked.c.id).where(ranked.c.rank > keep)
    of_tasks = _delete(connection, tasks, tasks.c.run_id.in_(old))
    return {"runs": _delete(connection, runs, runs.c.id.in_(old)), "tasks": of_tasks}


def _prune_gone(connection: Connection, rules: Rules, before: datetime) -> dict[str, int]:
    kept = select(leaks.c.id).where(_stays(rules))
    left_to_itself = repositories.c.gone < before
    held = exists().where(places.c.repository_id == repositories.c.id, places.c.leak_id.in_(kept))
    lost = select(repositories.c.id).where(left_to_itself, ~held)
    of_places = _delete(
        connection,
        places,
        places.c.leak_id.not_in(kept) & or_(places.c.gone < before, places.c.repository_id.in_(lost)),
    )
    of_repositories = _delete(connection, repositories, repositories.c.id.in_(lost))
    stands = exists().where(places.c.leak_id == leaks.c.id)
    of_leaks = _delete(connection, leaks, ~stands & (leaks.c.last_seen < before) & leaks.c.id.not_in(kept))
    leaked = exists().where(leaks.c.key_id == keys.c.key_id)
    contained = exists().where(containments.c.key_id == keys.c.key_id)
    of_keys = _delete(connection, keys, ~leaked & ~contained)
    count_anew(connection)
    return {"repositories": of_repositories, "places": of_places, "leaks": of_leaks, "keys": of_keys}


def _stays(rules: Rules) -> ColumnElement[bool]:
    reasons: list[ColumnElement[bool]] = []
    if not rules.even_live:
        reasons.append(leaks.c.standing.in_((Standing.LIVE.value, Standing.ACTIVE.value)))
    if not rules.even_decided:
        decided = exists().where(decisions.c.leak_id == leaks.c.id)
        reasons += (decided, leaks.c.status != "open", leaks.c.assignee.is_not(None))
    return or_(*reasons) if reasons else leaks.c.id < 0


def _delete(connection: Connection, table: Table, which: Any) -> int:
    return connection.execute(delete(table).where(which)).rowcount
