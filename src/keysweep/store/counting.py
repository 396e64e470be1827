"""What rows say of other rows, counted anew from these."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, or_, select, update

from keysweep.store.schema import leaks, places, repositories

_HERE = (places.c.leak_id == leaks.c.id) & places.c.gone.is_(None)


def count_anew(connection: Connection) -> None:
    """Have each leak say in how many places and repositories it stands, and each repository how many it has."""
    counted = {"places": _places(), "repositories": _repositories()}
    connection.execute(update(leaks).where(_is_wrong()).values(counted))
    connection.execute(update(repositories).where(repositories.c.leaks != _held()).values(leaks=_held()))


def wrongly_counted(connection: Connection) -> dict[str, int]:
    """How many rows of a table say it wrongly: none, unless somebody else has written into the store."""
    wrong = {leaks: _is_wrong(), repositories: repositories.c.leaks != _held()}
    return {
        table.name: connection.scalar(select(func.count()).select_from(table).where(which)) or 0
        for table, which in wrong.items()
    }


def _is_wrong() -> ColumnElement[bool]:
    return or_(leaks.c.places != _places(), leaks.c.repositories != _repositories())


def _held() -> ScalarSelect[int]:
    there = (places.c.repository_id == repositories.c.id) & places.c.gone.is_(None)
    return select(func.count(places.c.leak_id.distinct())).where(there).scalar_subquery()


def _places() -> ScalarSelect[int]:
    return select(func.count()).select_from(places).where(_HERE).scalar_subquery()


def _repositories() -> ScalarSelect[int]:
    return select(func.count(places.c.repository_id.distinct())).where(_HERE).scalar_subquery()
