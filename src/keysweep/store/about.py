"""What a store is, how large it is, and whether it is sound."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from keysweep.frozen import frozen
from keysweep.store import schema
from keysweep.store.opening import Store
from keysweep.store.versions import NEWEST

_BYTES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    "postgresql": "SELECT pg_database_size(current_database())",
}
_MOST_FAULTS = 10


@frozen
class About:
    """A store in numbers."""

    where: str
    database: str
    """Such as `SQLite 3.40.1`."""
    schema: str
    size_bytes: int
    rows: Mapping[str, int]
    newest_run: datetime | None
    faults: tuple[str, ...]
    """What is wrong with it, a clause each; empty if nothing is."""


def about(store: Store) -> About:
    """Look at all of it."""
    kind = store.engine.dialect.name
    with store.reading() as connection:
        version = ".".join(map(str, store.engine.dialect.server_version_info or ()))
        return About(
            store.where,
            f"{'SQLite' if store.is_sqlite else 'PostgreSQL'} {version}",
            NEWEST,
            connection.execute(text(_BYTES[kind])).scalar_one(),
            {
                name: connection.scalar(select(func.count()).select_from(table)) or 0
                for name, table in sorted(schema.metadata.tables.items())
            },
            connection.scalar(select(func.max(schema.runs.c.started))),
            tuple(_faults(connection)[:_MOST_FAULTS]),
        )


def _faults(connection: Connection) -> list[str]:
    faults = []
    if connection.dialect.name == "sqlite":
        try:
            told = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            faults += [each for each in told if each != "ok"]
            dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        except DBAPIError as error:
            return [str(error.orig)]
        faults += [f"a row of {row[0]} belongs to one of {row[2]} that is not there" for row in dangling]
    miscounted = connection.execute(text(_MISCOUNTED)).scalar_one()
    if miscounted:
        faults.append(f"{miscounted} leaks count other places than there are")
    return faults


_MISCOUNTED = """
    SELECT COUNT(*) FROM leaks
    LEFT JOIN (SELECT leak_id, COUNT(*) AS places, COUNT(DISTINCT repository_id) AS repositories
               FROM places WHERE gone IS NULL GROUP BY leak_id) AS counted ON counted.leak_id = leaks.id
    WHERE leaks.places <> COALESCE(counted.places, 0) OR leaks.repositories <> COALESCE(counted.repositories, 0)
"""
