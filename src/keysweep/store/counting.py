"""What follows from places, made anew from all of them: after changes that are too large to be added up."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from keysweep.store.schema import leaks, places, repositories
from keysweep.store.words import index_anew


def count_anew(connection: Connection) -> None:
    """Have every leak and every repository say what its places say, and searches find what is there."""
    standing = places.c.leak_id == leaks.c.id, places.c.gone.is_(None)
    counted = select(func.count()).where(*standing).scalar_subquery()
    spread = select(func.count(places.c.repository_id.distinct())).where(*standing).scalar_subquery()
    connection.execute(
        update(leaks)
        .where((leaks.c.places != counted) | (leaks.c.repositories != spread))
        .values(places=counted, repositories=spread)
    )
    there = places.c.repository_id == repositories.c.id, places.c.gone.is_(None)
    held = select(func.count(places.c.leak_id.distinct())).where(*there).scalar_subquery()
    connection.execute(update(repositories).where(repositories.c.leaks != held).values(leaks=held))
    index_anew(connection)
