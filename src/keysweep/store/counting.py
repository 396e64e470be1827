"""How often each leak stands, counted from its places: after changes that are too large to be added up."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from keysweep.store.schema import leaks, places


def count_anew(connection: Connection) -> None:
    """Have every leak say what its places say."""
    standing = places.c.leak_id == leaks.c.id, places.c.gone.is_(None)
    counted = select(func.count()).where(*standing).scalar_subquery()
    spread = select(func.count(places.c.repository_id.distinct())).where(*standing).scalar_subquery()
    connection.execute(
        update(leaks)
        .where((leaks.c.places != counted) | (leaks.c.repositories != spread))
        .values(places=counted, repositories=spread)
    )
