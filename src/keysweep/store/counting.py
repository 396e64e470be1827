"""What rows say of other rows, counted anew from these."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, or_, select, update

from keysweep.store.schema import leaks, places, repositories

_HERE = (places.c.leak_id == leaks.c.id) & places.c.gone.is_(None)


def count_anew(connection: Connection) -> None:
    """Have each leak say in how many places and repositories it stands, and each repository how many it has."""
    counted = {"places": _places(), "repositories": _repositories()}
    connection.execute(update(leaks).where(_is_wrong()).values(counted))
    there = (places.c.repository_id == repositories.c.id) & places.c.gone.is_(None)
    held = select(func.count(places.c.leak_id.distinct())).where(there).scalar_subquery()
    connection.execute(update(repositories).where(repositories.c.leaks != held).values(leaks=held))


def wrongly_counted(connection: Connection) -> int:
    """How many leaks say it wrongly: none, unless somebody else has written into the store."""
    return connection.scalar(select(func.count()).select_from(leaks).where(_is_wrong())) or 0


def _is_wrong() -> ColumnElement[bool]:
    return or_(leaks.c.places != _places(), leaks.c.repositories != _repositories())


def _places() -> ScalarSelect[int]:
    return select(func.count()).select_from(places).where(_HERE).scalar_subquery()


def _repositories() -> ScalarSelect[int]:
    return select(func.count(places.c.repository_id.distinct())).where(_HERE).scalar_subquery()
