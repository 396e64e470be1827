"""What a run leaves to be done: the leaks in what it swept that nobody has dealt with yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.engine import Row
from sqlalchemy.sql.elements import ColumnElement

from keysweep.store.leaks import HARMLESS
from keysweep.store.schema import keys, leaks, places, repositories, runs, tasks

SETTLED = ("false", "accepted", "resolved")
"""What people say of leaks that need nothing more."""


def to_do(connection: Connection, run: str, least_severity: int, most: int) -> list[Row[Any]]:
    """The worst of the leaks that need somebody, with one place of each: in a ref if anywhere, or where it was."""
    rank = func.row_number().over(
        partition_by=places.c.leak_id,
        order_by=(places.c.gone.is_not(None), (places.c.refs > 0).desc(), places.c.id),
    )
    worst = (
        select(leaks.c.id)
        .where(_open(), leaks.c.severity >= least_severity, leaks.c.id.in_(_in_run(run)))
        .order_by(leaks.c.severity.desc(), leaks.c.repositories.desc(), leaks.c.id)
        .limit(most)
    )
    ranked = (
        select(
            places.c.leak_id,
            places.c.path,
            places.c.line,
            places.c.author,
            places.c.commit_id,
            places.c.refs,
            repositories.c.name.label("repository"),
            rank.label("rank"),
        )
        .join(repositories, repositories.c.id == places.c.repository_id)
        .where(places.c.leak_id.in_(worst))
        .subquery()
    )
    columns = (leaks, keys.c.owner, keys.c.principal, keys.c.arn, keys.c.checked)
    account = func.coalesce(keys.c.account_id, leaks.c.account_id).label("account")
    query = (
        select(
            *columns,
            account,
            ranked.c.path,
            ranked.c.line,
            ranked.c.author,
            ranked.c.commit_id,
            ranked.c.refs,
            ranked.c.repository,
        )
        .join(ranked, ranked.c.leak_id == leaks.c.id)
        .outerjoin(keys, keys.c.key_id == leaks.c.key_id)
        .where(ranked.c.rank == 1)
        .order_by(leaks.c.severity.desc(), leaks.c.repositories.desc(), leaks.c.id)
    )
    return list(connection.execute(query))


def standings(connection: Connection, run: str) -> Mapping[str, int]:
    """How many leaks there are in what a run swept, by how they stand; what people settled is left out."""
    told = select(leaks.c.standing, func.count()).where(
        leaks.c.status.not_in(SETTLED), leaks.c.id.in_(_in_run(run))
    )
    return {row[0]: row[1] for row in connection.execute(told.group_by(leaks.c.standing))}


def count_to_do(connection: Connection, run: str, least_severity: int) -> int:
    """How many leaks need somebody."""
    counted = select(func.count()).where(_open(), leaks.c.severity >= least_severity, leaks.c.id.in_(_in_run(run)))
    return connection.scalar(counted) or 0


def reopen_lapsed(connection: Connection, today: date, now: datetime) -> None:
    """What was accepted until a day that is over is open again."""
    connection.execute(
        update(leaks).where(is_lapsed(today)).values(status="open", status_until=None, last_seen=now)
    )


def is_lapsed(today: date) -> ColumnElement[bool]:
    """Whether a leak was accepted until a day that is over."""
    return (leaks.c.status == "accepted") & (leaks.c.status_until < today.isoformat())


def _open() -> ColumnElement[bool]:
    harmless = [each.value for each in HARMLESS]
    return leaks.c.status.not_in(SETTLED) & leaks.c.standing.not_in(harmless)


def _in_run(run: str) -> Any:
    """Leaks that stand, or stood, in a repository of the target: what was published once may have been read."""
    target = select(runs.c.target).where(runs.c.id == run).scalar_subquery()
    mine = select(tasks.c.repository_id).join(runs, runs.c.id == tasks.c.run_id).where(runs.c.target == target)
    return select(places.c.leak_id).where(places.c.repository_id.in_(mine))
