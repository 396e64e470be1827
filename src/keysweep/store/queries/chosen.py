"""Which leaks somebody wants to see, as conditions that the indexes of leaks answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, literal_column, or_, select
from sqlalchemy.sql.elements import ColumnElement

from keysweep.frozen import frozen
from keysweep.store.leaks import HARMLESS
from keysweep.store.queries.searching import searched
from keysweep.store.schema import keys, leaks, places, repositories
from keysweep.store.summaries import SETTLED

TO_DO = "to-do"
"""In place of a status: what still needs somebody."""
NOBODY = "-"
"""In place of an assignee: none."""
_MOST_NAMED = 100
_MANY = 2_000


@frozen
class Wanted:
    """What leaks are to be shown; what is empty does not matter."""

    standing: str = ""
    status: str = ""
    """Or `TO_DO`."""
    kind: str = ""
    severity: int | None = None
    account: str = ""
    repository: str = ""
    assignee: str = ""
    """Or `NOBODY`."""
    within_days: int | None = None
    """Found by a sweep in the last so many days."""
    older_days: int | None = None
    """Found longer ago than so many days."""
    search: str = ""


@frozen
class Conditions:
    """The same for the database."""

    where: tuple[ColumnElement[bool], ...]
    is_narrow: bool
    """Whether few leaks can fulfil them, and their row numbers say which."""
    is_partial: bool = False
    """Whether a search matched more than was looked at."""


def conditions(connection: Connection, wanted: Wanted, now: datetime) -> Conditions:
    """What `wanted` means in this store."""
    where = [*_by_columns(connection, wanted, now)]
    is_narrow = is_partial = False
    if wanted.account:
        where.append(_of_account(connection, wanted.account))
    if wanted.repository:
        numbers, count = _repositories(connection, wanted.repository)
        there = select(places.c.leak_id).where(places.c.repository_id.in_(numbers), places.c.gone.is_(None))
        where.append(leaks.c.id.in_(there))
        is_narrow = count < _MANY
    if wanted.search:
        found = searched(connection, wanted.search)
        where.append(leaks.c.id.in_(found.leak_ids))
        is_narrow, is_partial = True, found.is_partial
    if not is_narrow:
        where += [bare(connection, "id") > 0]
    return Conditions(tuple(where), is_narrow, is_partial)


def _by_columns(connection: Connection, wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.standing:
        where.append(bare(connection, "standing") == wanted.standing)
    if wanted.status == TO_DO:
        where.append(bare(connection, "status").not_in(SETTLED))
        where.append(bare(connection, "standing").not_in([each.value for each in HARMLESS]))
    elif wanted.status:
        where.append(bare(connection, "status") == wanted.status)
    if wanted.kind:
        where.append(bare(connection, "kind") == wanted.kind)
    if wanted.severity is not None:
        where.append(leaks.c.severity == wanted.severity)
    if wanted.assignee:
        column = bare(connection, "assignee")
        where.append(column.is_(None) if wanted.assignee == NOBODY else column == wanted.assignee)
    if wanted.within_days is not None:
        where.append(leaks.c.first_seen >= now - timedelta(days=wanted.within_days))
    if wanted.older_days is not None:
        where.append(leaks.c.first_seen < now - timedelta(days=wanted.older_days))
    return where


def bare(connection: Connection, name: str) -> ColumnElement[Any]:
    """A column of leaks by which SQLite looks for no index: the one that has them in order has this column too.

    Otherwise it takes an index that knows nothing of the order, reads a hundred thousand rows, and sorts them.
    """
    if connection.dialect.name == "sqlite":
        return literal_column(f"+leaks.{name}", leaks.c[name].type)
    return leaks.c[name]


def _of_account(connection: Connection, account: str) -> ColumnElement[bool]:
    """By what the key ID says, or by what AWS said where that says nothing."""
    said = (
        select(leaks.c.id)
        .join(keys, keys.c.key_id == leaks.c.key_id)
        .where(keys.c.account_id == account, or_(leaks.c.account_id.is_(None), leaks.c.account_id != account))
        .limit(_MANY)
    )
    return or_(bare(connection, "account_id") == account, leaks.c.id.in_(list(connection.scalars(said))))


def _repositories(connection: Connection, name: str) -> tuple[list[int], int]:
    """The rows of repositories with that name, or one that begins so; and how many leaks they have."""
    columns = (repositories.c.id, repositories.c.leaks)
    exact = connection.execute(select(*columns).where(repositories.c.name == name).limit(_MOST_NAMED))
    rows = list(exact.tuples())
    if not rows:
        beginning = repositories.c.name.startswith(name, autoescape=True)
        rows = list(connection.execute(select(*columns).where(beginning).limit(_MOST_NAMED)).tuples())
    return [each[0] for each in rows], sum(each[1] for each in rows)
