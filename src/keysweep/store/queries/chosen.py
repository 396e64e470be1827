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
_MANY = 5_000


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
    """Its name, or how names begin."""
    repository_id: int | None = None
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

    is_partial: bool = False
    """Whether a search matched more than was looked at."""


def conditions(connection: Connection, wanted: Wanted, now: datetime) -> Conditions:
    """What `wanted` means in this store."""
    where = [*_by_columns(connection, wanted, now)]
    is_partial = False
    if wanted.account:
        where.append(_of_account(connection, wanted.account))
    if wanted.repository or wanted.repository_id is not None:
        named = _repositories(connection, wanted.repository) if wanted.repository else []
        numbers = [wanted.repository_id] if wanted.repository_id is not None else named
        there = select(places.c.leak_id).where(places.c.repository_id.in_(numbers), places.c.gone.is_(None))
        few = list(connection.scalars(there.distinct().limit(_MANY + 1)))
        is_narrow = len(few) <= _MANY
        where.append(leaks.c.id.in_(few if is_narrow else there))
    if wanted.search:
        found = searched(connection, wanted.search)
        where.append(leaks.c.id.in_(found.leak_ids))
        is_partial = found.is_partial

    return Conditions(tuple(where), is_partial)


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


def _repositories(connection: Connection, name: str) -> list[int]:
    """The rows of repositories with that name, or else of those that begin so."""
    exact = list(connection.scalars(select(repositories.c.id).where(repositories.c.name == name)))
    begins = repositories.c.name.startswith(name, autoescape=True)
    return exact or list(connection.scalars(select(repositories.c.id).where(begins).limit(_MOST_NAMED)))
