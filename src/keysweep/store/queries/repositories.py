"""Repositories, a page at a time, and one of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.engine import Row

from keysweep.store.queries.overview import UNREAD
from keysweep.store.schema import problems, repositories, runs, tasks

PER_PAGE = 50
MOST_PAGES = 200
_MOST = 50


def repositories_page(
    connection: Connection, state: str, search: str, order: str, page: int
) -> tuple[list[Row[Any]], int]:
    """One page of them, with one row more where there is another page; and how many there are."""
    query: Select[Any] = select(
        repositories.c.id,
        repositories.c.name,
        repositories.c.holds,
        repositories.c.state,
        repositories.c.reason,
        repositories.c.swept,
        repositories.c.private,
        repositories.c.archived,
        repositories.c.leaks,
    )
    counted = _narrowed(select(func.count()).select_from(repositories), state, search)
    query = _narrowed(query, state, search)
    by_name = (repositories.c.name, repositories.c.id)
    query = query.order_by(*((repositories.c.leaks.desc(),) if order == "leaks" else ()), *by_name)
    rows = connection.execute(query.offset((page - 1) * PER_PAGE).limit(PER_PAGE + 1))
    return list(rows), connection.scalar(counted) or 0


def _narrowed(query: Select[Any], state: str, search: str) -> Select[Any]:
    query = query.where(repositories.c.gone.is_(None))
    if state == "unread":
        query = query.where(repositories.c.state.in_(UNREAD))
    elif state:
        query = query.where(repositories.c.state == state)
    for word in search[:200].lower().split():
        query = query.where(func.lower(repositories.c.name).contains(word, autoescape=True))
    return query


def states(connection: Connection) -> dict[str, int]:
    """How many are in each state."""
    told = select(repositories.c.state, func.count()).where(repositories.c.gone.is_(None))
    return {row[0]: row[1] for row in connection.execute(told.group_by(repositories.c.state))}


def repository(connection: Connection, number: int) -> Row[Any] | None:
    """One of them."""
    return connection.execute(select(repositories).where(repositories.c.id == number)).first()


def problems_in(connection: Connection, number: int) -> list[Row[Any]]:
    """What its last sweep could not read."""
    told = select(problems).where(problems.c.repository_id == number).order_by(problems.c.id)
    return list(connection.execute(told.limit(_MOST)))


def sweeps_of(connection: Connection, number: int) -> list[Row[Any]]:
    """What became of it in the newest runs."""
    told = (
        select(tasks, runs.c.started.label("started"))
        .join(runs, runs.c.id == tasks.c.run_id)
        .where(tasks.c.repository_id == number)
    )
    return list(connection.execute(told.order_by(runs.c.started.desc()).limit(_MOST)))
